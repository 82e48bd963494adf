import Glibc
import MesetaSDK

/// What agents start to run the tasks of `pi`.
@main
struct Main {
    static func main() async {
        do {
            try await ExecutorDriver(executor: PiExecutor()).run()
        } catch {
            let complaint = Array("pi-executor: \(error)\n".utf8)
            _ = complaint.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            exit(1)
        }
    }
}
