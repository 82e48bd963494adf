internal import CMessages
internal import CProtobufC
internal import Model

/// `meseta.v1.CommandInfo`.
extension CommandInfo {
    init(_ c: UnsafeMutablePointer<Meseta__V1__CommandInfo>, _ reader: MessageReader) throws(MessageError) {
        let reader = reader.in("CommandInfo")
        let command = c.pointee
        self.init()
        self.value = try reader.optionalText(command.value, "value")
        self.shell = command.has_shell == 0 || command.shell != 0
        self.arguments = try reader.texts(command.n_arguments, command.arguments, "arguments")
        if let environment = command.environment {
            self.environment = try Self.environment(environment, reader)
        }
        self.user = try reader.nonEmptyText(command.user, "user")
        self.uris = try reader.list(command.n_uris, command.uris) { uri throws(MessageError) in
            try URI(uri, reader)
        }
    }

    /// The last value of a name counts.
    private static func environment(
        _ c: UnsafeMutablePointer<Meseta__V1__Environment>, _ reader: MessageReader
    ) throws(MessageError) -> [String: String] {
        var result: [String: String] = [:]
        for index in 0..<c.pointee.n_variables {
            let variable = c.pointee.variables[index]!.pointee
            let name = try reader.text(variable.name, "environment.name")
            guard !name.isEmpty, !name.contains("=") else {
                throw reader.invalid("environment", "holds the name '\(name)', which no variable can have")
            }
            guard variable.secret == nil, variable.type != MESETA__V1__ENVIRONMENT__VARIABLE__TYPE__SECRET else {
                throw reader.invalid("environment", "holds the secret \(name), which is not supported")
            }
            guard let value = try reader.optionalText(variable.value, "environment.value") else {
                throw reader.invalid("environment", "holds \(name) without a value")
            }
            result[name] = value
        }
        return result
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__CommandInfo> {
        let c = arena.make(Meseta__V1__CommandInfo.self)
        c.pointee.value = arena.text(ifAny: self.value)
        c.pointee.has_shell = 1
        c.pointee.shell = self.shell ? 1 : 0
        c.pointee.n_arguments = self.arguments.count
        c.pointee.arguments = arena.texts(self.arguments)
        if !self.environment.isEmpty {
            c.pointee.environment = arena.make()
            c.pointee.environment.pointee.n_variables = self.environment.count
            c.pointee.environment.pointee.variables = arena.list(self.environment.sorted { $0.key < $1.key }) {
                let variable = arena.make(Meseta__V1__Environment__Variable.self)
                variable.pointee.name = arena.text($0.key)
                variable.pointee.value = arena.text($0.value)
                return variable
            }
        }
        c.pointee.user = arena.text(ifAny: self.user)
        c.pointee.n_uris = self.uris.count
        c.pointee.uris = arena.list(self.uris) { $0.c(in: arena) }
        return c
    }
}

extension CommandInfo.URI {
    init(_ c: UnsafeMutablePointer<Meseta__V1__CommandInfo__URI>, _ reader: MessageReader) throws(MessageError) {
        let value = try reader.text(c.pointee.value, "uris.value")
        guard !value.isEmpty else { throw reader.invalid("uris.value", "is empty") }
        self.init(
            value: value, executable: c.pointee.has_executable != 0 && c.pointee.executable != 0,
            extract: c.pointee.has_extract == 0 || c.pointee.extract != 0,
            cache: c.pointee.has_cache != 0 && c.pointee.cache != 0,
            outputFile: try reader.nonEmptyText(c.pointee.output_file, "uris.output_file"),
            checksum: try reader.nonEmptyText(c.pointee.checksum, "uris.checksum"))
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__CommandInfo__URI> {
        let c = arena.make(Meseta__V1__CommandInfo__URI.self)
        c.pointee.value = arena.text(self.value)
        c.pointee.has_executable = 1
        c.pointee.executable = self.executable ? 1 : 0
        c.pointee.has_extract = 1
        c.pointee.extract = self.extract ? 1 : 0
        c.pointee.has_cache = 1
        c.pointee.cache = self.cache ? 1 : 0
        c.pointee.output_file = arena.text(ifAny: self.outputFile)
        c.pointee.checksum = arena.text(ifAny: self.checksum)
        return c
    }
}
