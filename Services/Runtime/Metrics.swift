internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The numbers of a process, as Prometheus reads them.
///
/// Any thread may use it.
///
/// Names are `meseta_<role>_<thing>_<unit>` in base units, counters ending in `_total`. Labels have few values; ids are none.
public final class Metrics: Sendable {
    private struct Family {
        let name: String
        let help: String
        let kind: String
        var series: [(labels: String, value: @Sendable () -> Double)]
    }

    private let families = Mutex<[Family]>([])

    /// Nothing but what the kernel counts for every process: memory, open files, CPU, start.
    public init() {}

    /// A number that only grows.
    ///
    /// - Parameter labels: Tell series of one name apart. A series that exists is counted twice if asked for twice: keep it.
    public func counter(_ name: String, _ help: String, labels: [(String, String)] = []) -> Counter {
        precondition(name.hasSuffix("_total"), "counter \(name) must end in _total")
        let counter = Counter()
        self.add(name, help, "counter", labels) { Double(counter.value) }
        return counter
    }

    /// A number that only grows, and is asked for when somebody looks, on the side port's thread.
    public func counter(
        _ name: String, _ help: String, labels: [(String, String)] = [], _ value: @escaping @Sendable () -> Double
    ) {
        precondition(name.hasSuffix("_total"), "counter \(name) must end in _total")
        self.add(name, help, "counter", labels, value)
    }

    /// A number that is set now and then.
    public func gauge(_ name: String, _ help: String, labels: [(String, String)] = []) -> Gauge {
        let gauge = Gauge()
        self.add(name, help, "gauge", labels) { gauge.value }
        return gauge
    }

    /// A number that is asked for when somebody looks, on the side port's thread.
    public func gauge(
        _ name: String, _ help: String, labels: [(String, String)] = [], _ value: @escaping @Sendable () -> Double
    ) {
        self.add(name, help, "gauge", labels, value)
    }

    private func add(
        _ name: String, _ help: String, _ kind: String, _ labels: [(String, String)],
        _ value: @escaping @Sendable () -> Double
    ) {
        precondition(
            !name.isEmpty && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 },
            "metric name \(name) has other characters than a-z, 0-9 and _")
        let pairs = labels.map { "\($0.0)=\(JSONText.quoted($0.1))" }.joined(separator: ",")
        let text = pairs.isEmpty ? "" : "{\(pairs)}"
        self.families.withLock { families in
            if let index = families.firstIndex(where: { $0.name == name }) {
                precondition(families[index].kind == kind, "metric \(name) is a \(families[index].kind)")
                families[index].series.append((text, value))
            } else {
                families.append(Family(name: name, help: help, kind: kind, series: [(text, value)]))
            }
        }
    }

    /// All numbers in Prometheus' text format.
    public func text() -> String {
        var text = ""
        for family in self.families.withLock({ $0 }) {
            text += "# HELP \(family.name) \(Self.escaped(family.help))\n# TYPE \(family.name) \(family.kind)\n"
            for series in family.series { text += "\(family.name)\(series.labels) \(Self.number(series.value()))\n" }
        }
        return text + ProcessNumbers.text()
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }

    private static func escaped(_ help: String) -> String {
        var escaped = ""
        for character in help {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}

/// A number that only grows.
///
/// Any thread may raise it.
public final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    /// How much it is.
    public var value: Int { self.count.load(ordering: .relaxed) }

    /// Raises it.
    @inline(__always)
    public func add(_ amount: Int = 1) {
        self.count.wrappingAdd(amount, ordering: .relaxed)
    }
}

/// A number that is set now and then.
///
/// Any thread may set it.
public final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(0)

    /// How much it is.
    public var value: Double { Double(bitPattern: self.bits.load(ordering: .relaxed)) }

    /// Sets it.
    public func set(_ value: Double) {
        self.bits.store(value.bitPattern, ordering: .relaxed)
    }

    /// Sets it.
    public func set(_ value: Int) { self.set(Double(value)) }
}

/// What the kernel counts for this process, under Prometheus' usual names.
enum ProcessNumbers {
    static func text() -> String {
        var lines = ""
        func add(_ name: String, _ kind: String, _ help: String, _ value: Double?) {
            guard let value else { return }
            lines += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n\(name) \(Metrics.number(value))\n"
        }
        let stat = Self.file("/proc/self/stat") ?? ""
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        // Behind the name in brackets: state is the 3rd field of proc(5), so field n is at n - 2.
        func field(_ number: Int) -> Double? {
            number - 2 < fields.count ? Double(String(fields[number - 2])) : nil
        }
        let page = Double(sysconf(Int32(_SC_PAGESIZE)))
        let user = field(14)
        add("process_cpu_seconds_total", "counter", "CPU time used.", user.map { ($0 + (field(15) ?? 0)) / ticks })
        add("process_resident_memory_bytes", "gauge", "Resident memory.", field(24).map { $0 * page })
        add("process_virtual_memory_bytes", "gauge", "Virtual memory.", field(23))
        add("process_threads", "gauge", "Threads.", field(20))
        add("process_open_fds", "gauge", "Open files.", Self.openFiles())
        add("process_max_fds", "gauge", "Most files that may be open.", OpenFiles.limit.map(Double.init))
        return lines
    }

    private static func openFiles() -> Double? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        return Double(count - 1)  // The directory itself.
    }

    private static func file(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}
