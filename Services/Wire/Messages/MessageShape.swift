internal import CMessages
internal import CProtobufC

/// What is known of a message type before any bytes of it are seen.
///
/// libprotobuf-c unpacks sub-messages by recursion without a limit, so a few kilobytes of nested messages would overflow the
/// stack. Only a type that can hold itself (`ContainerID.parent`) can be nested deeper than the schema is written, so only
/// the way to such types is walked beforehand; a message that leads to none costs nothing.
public final class MessageShape: @unchecked Sendable {
    /// How many messages of types that can hold themselves may lie within each other.
    ///
    /// What is deeper is refused.
    public static let maximumNesting = 64

    /// A message type on the way to one that can hold itself.
    private final class Node {
        let descriptor: UnsafePointer<ProtobufCMessageDescriptor>
        var canHoldItself = false
        /// The fields to go down into.
        var steps: [(number: UInt32, node: Unowned)] = []

        init(_ descriptor: UnsafePointer<ProtobufCMessageDescriptor>) { self.descriptor = descriptor }
    }

    /// Nodes lie in a graph with circles, which the shape owns.
    private struct Unowned {
        unowned let node: Node
    }

    let descriptor: UnsafePointer<ProtobufCMessageDescriptor>
    /// As errors call the message.
    let name: String
    private let nodes: [Node]
    /// Nil: nothing to walk.
    private let root: Node?

    init<C: CMessage>(_ type: C.Type, named name: String) {
        let sample = UnsafeMutablePointer<C>.allocate(capacity: 1)
        defer { sample.deallocate() }
        C.initialize(sample)
        self.descriptor = UnsafeRawPointer(sample).load(as: ProtobufCMessage.self).descriptor
        self.name = name
        var reached: [UnsafePointer<ProtobufCMessageDescriptor>: Set<UnsafePointer<ProtobufCMessageDescriptor>>] = [:]
        Self.reach(from: self.descriptor, &reached)
        let recursive = Set(reached.keys.filter { reached[$0]!.contains($0) })
        let leading = reached.filter { !$0.value.isDisjoint(with: recursive) }.keys
        let nodes = Dictionary(uniqueKeysWithValues: leading.map { ($0, Node($0)) })
        for (descriptor, node) in nodes {
            node.canHoldItself = recursive.contains(descriptor)
            for (number, child) in Self.children(of: descriptor) {
                if let child = nodes[child] { node.steps.append((number, Unowned(node: child))) }
            }
        }
        self.root = nodes[self.descriptor]
        self.nodes = Array(nodes.values)
    }

    private static func children(
        of descriptor: UnsafePointer<ProtobufCMessageDescriptor>
    ) -> [(number: UInt32, child: UnsafePointer<ProtobufCMessageDescriptor>)] {
        UnsafeBufferPointer(start: descriptor.pointee.fields, count: Int(descriptor.pointee.n_fields)).compactMap {
            guard $0.type == PROTOBUF_C_TYPE_MESSAGE, let child = $0.descriptor else { return nil }
            return ($0.id, child.assumingMemoryBound(to: ProtobufCMessageDescriptor.self))
        }
    }

    /// Fills `reached` with the types that each type can hold, at any depth.
    private static func reach(
        from start: UnsafePointer<ProtobufCMessageDescriptor>,
        _ reached: inout [UnsafePointer<ProtobufCMessageDescriptor>: Set<UnsafePointer<ProtobufCMessageDescriptor>>]
    ) {
        var known: [UnsafePointer<ProtobufCMessageDescriptor>: [UnsafePointer<ProtobufCMessageDescriptor>]] = [:]
        var open = [start]
        while let next = open.popLast() {
            guard known[next] == nil else { continue }
            let children = Self.children(of: next).map(\.child)
            known[next] = children
            open += children
        }
        for type in known.keys {
            var seen: Set<UnsafePointer<ProtobufCMessageDescriptor>> = []
            var open = known[type]!
            while let next = open.popLast() {
                if seen.insert(next).inserted { open += known[next]! }
            }
            reached[type] = seen
        }
    }

    // MARK: - The walk

    /// Walks the bytes if the type can be nested without bound.
    ///
    /// - Throws: `tooDeep`, or `malformed` if the way down cannot be read.
    func checkNesting(of bytes: UnsafeRawBufferPointer) throws(MessageError) {
        guard let root = self.root else { return }
        let isShallow: Bool
        do throws(RawFields.Malformed) {
            isShallow = try Self.walk(RawFields(bytes), root, depth: root.canHoldItself ? 1 : 0)
        } catch {
            throw MessageError(self.problem(of: bytes), in: self.name)
        }
        if !isShallow { throw MessageError(.tooDeep, in: self.name) }
    }

    /// Recursion ends: `depth` grows in each circle of the graph, and is at most the limit.
    private static func walk(_ fields: RawFields, _ node: Node, depth: Int) throws(RawFields.Malformed) -> Bool {
        var fields = fields
        while let field = try fields.next() {
            guard field.kind == .lengthDelimited else { continue }
            for step in node.steps where step.number == field.number {
                let child = step.node.node
                let childDepth = depth + (child.canHoldItself ? 1 : 0)
                if childDepth > Self.maximumNesting { return false }
                if try !Self.walk(RawFields(fields.bytes, in: field.value), child, depth: childDepth) { return false }
            }
        }
        return true
    }

    // MARK: - Why a message did not unpack

    /// What is wrong with bytes that libprotobuf-c refused: looked for only then.
    func problem(of bytes: UnsafeRawBufferPointer) -> MessageError.Problem {
        Self.problem(of: RawFields(bytes), self.descriptor, path: "", depth: 0) ?? .malformed
    }

    private static func problem(
        of fields: RawFields, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>, path: String, depth: Int
    ) -> MessageError.Problem? {
        let known = UnsafeBufferPointer(start: descriptor.pointee.fields, count: Int(descriptor.pointee.n_fields))
        var seen: Set<UInt32> = []
        var fields = fields
        do throws(RawFields.Malformed) {
            while let field = try fields.next() {
                seen.insert(field.number)
                guard field.kind == .lengthDelimited, depth < Self.maximumNesting,
                    let type = known.first(where: { $0.id == field.number }), type.type == PROTOBUF_C_TYPE_MESSAGE,
                    let child = type.descriptor?.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
                else { continue }
                let name = path + String(cString: type.name)
                let inner = RawFields(fields.bytes, in: field.value)
                if let problem = Self.problem(of: inner, child, path: name + ".", depth: depth + 1) { return problem }
            }
        } catch {
            return .malformed
        }
        for type in known where type.label == PROTOBUF_C_LABEL_REQUIRED && !seen.contains(type.id) {
            return .missing(field: path + String(cString: type.name))
        }
        return nil
    }
}
