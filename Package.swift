// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
]
/// For cores that keep objects.
///
/// Each access to one would be looked at for another under way, which was a fifth of all that a master did. Debug builds
/// look, and with them all tests.
let uncheckedInRelease: [SwiftSetting] = [
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
]
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
]
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

/// A target whose arrows point only at what is named here.
func part(_ name: String, _ path: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: path, exclude: exclude, swiftSettings: settings)
}

/// An executable of one role: flags and wiring over that role's core.
func daemon(_ name: String, _ path: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .executableTarget(
        name: name, dependencies: ["Model", "Messages", "Frames", "Runtime", arguments, logging] + dependencies,
        path: path, exclude: exclude, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: ["Model"] + dependencies, path: "Tests/\(name)", exclude: exclude,
        swiftSettings: settings)
}

let package = Package(
    name: "Meseta",
    products: [
        .library(name: "MesetaSDK", targets: ["MesetaSDK"]),
        .executable(name: "meseta", targets: ["meseta"]),
        .library(name: "CrashPoint", type: .dynamic, targets: ["CrashPoint"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // The vocabulary, and the decisions of each role: no I/O below this line.
        part("Model", "Services/Model", []),
        .target(
            name: "MasterCore", dependencies: ["Model"], path: "Services/Master/Core",
            swiftSettings: settings + uncheckedInRelease),
        part("AllocatorCore", "Services/Allocator/Core", ["Model"]),
        part("RelayCore", "Services/Relay/Core", ["Model"]),
        .target(
            name: "AgentCore", dependencies: ["Model"], path: "Services/Agent/Core",
            swiftSettings: settings + uncheckedInRelease),
        part("ElectionCore", "Services/Coordination/Core", ["Model"]),
        part("SDKCore", "Services/SDK/Swift/Core", ["Model"]),
        part(
            "PolicyFile", "Services/PolicyFile", ["Model", .product(name: "Yams", package: "Yams")],
            exclude: ["README.md"]),

        // Bytes: what protoc-c wrote, the conversions, and frames on TCP.
        .systemLibrary(
            name: "CProtobufC", path: "Services/Wire/CProtobufC", pkgConfig: "libprotobuf-c",
            providers: [.apt(["libprotobuf-c-dev"])]),
        .target(
            name: "CMessages", dependencies: ["CProtobufC"], path: "Protos/CMessages", publicHeadersPath: "include"),
        part("Messages", "Services/Wire/Messages", ["Model", "CMessages", "CProtobufC"]),
        part(
            "Frames", "Services/Wire/Frames",
            ["Model", "Messages", logging, .product(name: "Crypto", package: "swift-crypto")] + nio),
        part(
            "Runtime", "Services/Runtime",
            [
                "Model", "Messages", "Frames", logging, arguments, .product(name: "NIOHTTP1", package: "swift-nio"),
            ] + nio),
        .systemLibrary(
            name: "CZooKeeper", path: "Services/Coordination/CZooKeeper", providers: [.apt(["libzookeeper-mt-dev"])]),
        part("ZooKeeper", "Services/Coordination/ZooKeeper", ["Model", "ElectionCore", "CZooKeeper", logging]),

        // The processes.
        daemon(
            "meseta-master", "Services/Master/Daemon", ["MasterCore", "ElectionCore", "ZooKeeper", "PolicyFile"] + nio),
        daemon("meseta-allocator", "Services/Allocator/Daemon", ["AllocatorCore", "ZooKeeper", "PolicyFile"] + nio),
        daemon("meseta-relay", "Services/Relay/Daemon", ["RelayCore", "ZooKeeper"] + nio),
        .systemLibrary(name: "CLinux", path: "Services/Agent/CLinux"),
        part(
            "Isolation", "Services/Agent/Isolation",
            ["Model", "Messages", "CLinux", logging, .product(name: "Crypto", package: "swift-crypto")] + nio),
        daemon("meseta-agent", "Services/Agent/Daemon", ["AgentCore", "Isolation", "ZooKeeper"] + nio),
        // Static and without a runtime: a supervisor for each framework on each agent has to be tiny.
        .executableTarget(
            name: "meseta-supervisor", dependencies: ["CMessages"], path: "Services/Supervisor",
            exclude: ["README.md"],
            cSettings: [.unsafeFlags(["-std=c11", "-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [
                .unsafeFlags([
                    "-static-stdlib", "-nostartfiles", "-Xclang-linker", "-static", "-Xclang-linker",
                    "-Wno-unused-command-line-argument", "-Xlinker", "--gc-sections",
                ])
            ]),
        daemon(
            "meseta", "Services/CLI",
            [
                "MesetaSDK", "ZooKeeper", "PolicyFile", "ChaosCore", "ChaosProxy", "LocalZooKeeper",
                .product(name: "Yams", package: "Yams"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ] + nio,
            exclude: ["README.md", "Chaos/Core", "Chaos/Proxy", "Chaos/ZooKeeper"]),
        // Faults drawn from a seed, and the judge of what comes of them.
        part("ChaosCore", "Services/CLI/Chaos/Core", ["Model"]),
        part("ChaosProxy", "Services/CLI/Chaos/Proxy", ["ChaosCore", "Model"] + nio),
        part("LocalZooKeeper", "Services/CLI/Chaos/ZooKeeper", []),

        // For authors of frameworks.
        part(
            "MesetaSDK", "Services/SDK/Swift/Drivers",
            ["Model", "SDKCore", "Messages", "Frames", "Runtime", "ZooKeeper", logging] + nio),
        .executableTarget(
            name: "pi", dependencies: ["MesetaSDK", arguments], path: "Services/SDK/Swift/Examples/Pi/Scheduler",
            swiftSettings: settings),
        .executableTarget(
            name: "pi-executor", dependencies: ["MesetaSDK"], path: "Services/SDK/Swift/Examples/Pi/Executor",
            swiftSettings: settings),

        // Tests, from milliseconds outward.
        part(
            "Simulator", "Tests/Simulator/Cluster",
            [
                "Model", "Messages", "MasterCore", "AllocatorCore", "RelayCore", "AgentCore", "ElectionCore", "SDKCore",
                "FairSharing",
            ]),
        // Written once; driven by the simulator, and by a command with real processes.
        part("FairSharing", "Tests/Chaos/FairSharing/Trial", ["Model"]),
        .executableTarget(
            name: "five-frameworks",
            dependencies: [
                "FairSharing", "Model", "Messages", "Frames", "Runtime", "PolicyFile", "MesetaSDK", "TestSupport",
                arguments, logging,
            ] + nio,
            path: "Tests/Chaos/FairSharing/Command", swiftSettings: settings),
        .executableTarget(
            name: "simulate", dependencies: ["Simulator", "FairSharing", arguments], path: "Tests/Simulator/Command",
            swiftSettings: settings),
        .executableTarget(
            name: "decisions", dependencies: ["Model", "AllocatorCore", "TestSupport", arguments],
            path: "Tests/Benchmarks/Decisions", swiftSettings: settings),
        .executableTarget(
            name: "event-costs", dependencies: ["AllocationCount", "Model", "Simulator", "TestSupport", arguments],
            path: "Tests/Benchmarks/EventCosts", swiftSettings: settings),
        .target(
            name: "AllocationCount", path: "Tests/Benchmarks/AllocationCount",
            cSettings: [.unsafeFlags(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"])]),
        part("SharingModel", "Tests/Benchmarks/SharingModel/Experiments", ["Model", "Simulator", "TestSupport"]),
        .executableTarget(
            name: "sharing-model", dependencies: ["SharingModel", "TestSupport", arguments],
            path: "Tests/Benchmarks/SharingModel/Command", swiftSettings: settings),
        // The frameworks of the paper's experiments; driven by the simulator, and by the SDK.
        .target(
            name: "PaperWorkloads", dependencies: ["Model", "TestSupport"], path: "Tests/Benchmarks/PaperWorkloads",
            resources: [.embedInCode("mix.json")], swiftSettings: settings),
        part(
            "SharingExperiments", "Tests/Benchmarks/Sharing/Experiments",
            ["Model", "PaperWorkloads", "Simulator", "TestSupport"]),
        .executableTarget(
            name: "sharing",
            dependencies: [
                "PaperWorkloads", "SharingExperiments", "EmulatedCluster", "MesetaSDK", "TestSupport", arguments,
            ],
            path: "Tests/Benchmarks/Sharing/Command", swiftSettings: settings),
        .executableTarget(
            name: "locality", dependencies: ["PaperWorkloads", "SharingExperiments", "TestSupport", arguments],
            path: "Tests/Benchmarks/Locality", swiftSettings: settings),
        .executableTarget(
            name: "overhead", dependencies: ["MesetaSDK", "TestSupport", arguments], path: "Tests/Benchmarks/Overhead",
            swiftSettings: settings),
        // Loaded into an agent, it ends it after a given operation on files.
        .target(
            name: "CrashPoint", path: "Tests/Chaos/CrashPoint",
            cSettings: [.unsafeFlags(["-std=gnu11", "-Wall", "-Wextra", "-Werror"])]),
        .executableTarget(
            name: "agent-kills", dependencies: ["MesetaSDK", "TestSupport", arguments],
            path: "Tests/Chaos/AgentKills", swiftSettings: settings),
        part("LimitsFigures", "Tests/Chaos/Limits/Figures", []),
        .executableTarget(
            name: "limits", dependencies: ["LimitsFigures", "MesetaSDK", "TestSupport", arguments],
            path: "Tests/Chaos/Limits/Command", swiftSettings: settings),
        // What its tasks run.
        .executableTarget(
            name: "limits-load", path: "Tests/Chaos/LimitsLoad",
            cSettings: [.unsafeFlags(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"])]),
        .executableTarget(
            name: "command-tasks",
            dependencies: ["Model", "MesetaSDK", "Isolation", "TaskStreams", "TestSupport", arguments, logging] + nio,
            path: "Tests/Benchmarks/CommandTasks", swiftSettings: settings),
        // The reference beside it.
        .executableTarget(
            name: "raw-spawn", path: "Tests/Benchmarks/RawSpawn",
            cSettings: [.unsafeFlags(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"])]),
        .executableTarget(
            name: "raw-loopback", path: "Tests/Benchmarks/RawLoopback",
            cSettings: [.unsafeFlags(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"])]),
        .executableTarget(
            name: "raw-chain", path: "Tests/Benchmarks/RawChain",
            cSettings: [.unsafeFlags(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"])]),
        // Many agents in one process.
        .executableTarget(
            name: "emulator",
            dependencies: [
                "Model", "AgentCore", "Messages", "Frames", "Runtime", "ZooKeeper", "TestSupport", arguments, logging,
            ] + nio,
            path: "Tests/Benchmarks/Emulator", swiftSettings: settings),
        part("EmulatedCluster", "Tests/Benchmarks/EmulatedCluster", ["MesetaSDK", "TestSupport", arguments]),
        part("TaskStreams", "Tests/Benchmarks/TaskStreams", ["MesetaSDK", "TestSupport", arguments]),
        .executableTarget(
            name: "recovery", dependencies: ["EmulatedCluster", "MesetaSDK", "TestSupport", arguments],
            path: "Tests/Benchmarks/Recovery", swiftSettings: settings),
        .executableTarget(
            name: "scale", dependencies: ["EmulatedCluster", "MesetaSDK", "TestSupport", arguments],
            path: "Tests/Benchmarks/Scale", swiftSettings: settings),
        .executableTarget(
            name: "throughput", dependencies: ["EmulatedCluster", "TaskStreams", "TestSupport", arguments],
            path: "Tests/Benchmarks/Throughput", swiftSettings: settings),
        .executableTarget(
            name: "offers", dependencies: ["EmulatedCluster", "MesetaSDK", "TestSupport", arguments],
            path: "Tests/Benchmarks/Offers", swiftSettings: settings),
        part("TestSupport", "Tests/Support", ["LocalZooKeeper"]),
        tests("ModelTests", []),
        tests("MessagesTests", ["Messages"]),
        tests("FramesTests", ["Frames", "Messages", logging] + nio),
        tests("RuntimeTests", ["Runtime", "Frames", "Messages", arguments, logging] + nio),
        tests("MasterTests", ["MasterCore"]),
        tests("AllocatorTests", ["AllocatorCore"]),
        tests("RelayTests", ["RelayCore"]),
        tests("AgentTests", ["AgentCore", "Messages"]),
        tests("IsolationTests", ["Isolation", "Messages", logging] + nio, exclude: ["Fixtures"]),
        tests("ElectionTests", ["ElectionCore"]),
        tests("ZooKeeperTests", ["ZooKeeper", "TestSupport", logging]),
        tests("SDKTests", ["SDKCore", "MesetaSDK", "Frames", "Messages", logging] + nio),
        tests(
            "ScenarioTests",
            ["Simulator", "SharingModel", "SharingExperiments", "PaperWorkloads", "FairSharing", "LimitsFigures"],
            exclude: ["README.md"]),
        tests("PolicyFileTests", ["PolicyFile"]),
        tests("CLITests", ["meseta", "ChaosCore"]),
        tests("ChaosTests", ["ChaosCore", "ChaosProxy", "LocalZooKeeper"]),
        tests("LayeringTests", []),
        tests("SystemTests", ["MesetaSDK", "TestSupport"], exclude: ["Python"]),
    ],
    swiftLanguageModes: [.v6]
)
