import Model
import Synchronization

/// Writes a value as its number in a table, so that tests of decisions need no wire format.
final class TableCodec: EntityCodec {
    private enum Entity: Hashable {
        case task(TaskInfo)
        case executor(ExecutorInfo)
        case framework(FrameworkInfo)
        case status(TaskStatus)
        case attributes([Attribute], String)
    }

    private let table = Mutex<(entities: [Entity], numbers: [Entity: Int])>(([], [:]))

    private func write(_ entity: Entity) -> Bytes {
        let index = self.table.withLock { table in
            if let index = table.numbers[entity] { return index }
            table.numbers[entity] = table.entities.count
            table.entities.append(entity)
            return table.entities.count - 1
        }
        return [UInt8(index >> 16 & 255), UInt8(index >> 8 & 255), UInt8(index & 255)]
    }

    private func read(_ bytes: Bytes) -> Entity? {
        guard bytes.count == 3 else { return nil }
        let index = Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
        return self.table.withLock { index < $0.entities.count ? $0.entities[index] : nil }
    }

    func task(_ bytes: Bytes) -> TaskInfo? { if case .task(let task)? = self.read(bytes) { task } else { nil } }
    func executor(_ bytes: Bytes) -> ExecutorInfo? {
        if case .executor(let executor)? = self.read(bytes) { executor } else { nil }
    }
    func framework(_ bytes: Bytes) -> FrameworkInfo? {
        if case .framework(let framework)? = self.read(bytes) { framework } else { nil }
    }
    func status(_ bytes: Bytes) -> TaskStatus? {
        if case .status(let status)? = self.read(bytes) { status } else { nil }
    }
    func attributes(_ bytes: Bytes) -> [Attribute] {
        if case .attributes(let attributes, _)? = self.read(bytes) { attributes } else { [] }
    }
    func encode(_ task: TaskInfo) -> Bytes { self.write(.task(task)) }
    func encode(_ executor: ExecutorInfo) -> Bytes { self.write(.executor(executor)) }
    func encode(_ framework: FrameworkInfo) -> Bytes { self.write(.framework(framework)) }
    func encode(_ status: TaskStatus) -> Bytes { self.write(.status(status)) }
    func encode(attributes: [Attribute], hostname: String) -> Bytes { self.write(.attributes(attributes, hostname)) }
}
