public import ArgumentParser

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Where the flags of a command get their values: command line, then environment, then file, then default.
///
/// `--offer-timeout 30s` on the command line, `MESETA_OFFER_TIMEOUT=30s` in the environment, `offer-timeout: 30s` in the file
/// that `--config` or `MESETA_CONFIG` names. What comes from environment and file is put before the command line's arguments,
/// so every command has it without a line of its own.
public enum Configuration {
    /// What is wrong with a file or the environment.
    public enum Problem: Error, Hashable, Sendable, CustomStringConvertible {
        case unreadable(path: String, reason: String)
        case badLine(path: String, line: Int, text: String)
        case unknownName(path: String, line: Int, name: String, known: [String])
        case badSwitch(source: String, value: String)

        /// For people: where it is and what to do.
        public var description: String {
            switch self {
            case .unreadable(let path, let reason):
                "the configuration file \(path) cannot be read: \(reason)"
            case .badLine(let path, let line, let text):
                "\(path):\(line): '\(text)' is neither 'name: value' nor 'name = value'"
            case .unknownName(let path, let line, let name, let known):
                "\(path):\(line): unknown name '\(name)'; known are \(known.joined(separator: ", "))"
            case .badSwitch(let source, let value):
                "\(source): '\(value)' is neither true nor false"
            }
        }
    }

    /// One flag of a command.
    struct Flag: Equatable {
        /// Without the dashes: `offer-timeout`.
        let name: String
        /// It and its short forms, with dashes.
        let spellings: [String]
        /// It is followed by a value.
        let takesValue: Bool
    }

    /// Flags that only make sense on a command line.
    private static let commandLineOnly: Set<String> = ["help", "version", "help-hidden", "check"]
    private static let mostBytes = 1 << 20

    /// The command line with what environment and file add in front.
    ///
    /// - Parameters:
    ///   - command: Tells which flags there are.
    ///   - commandLine: Without the program's name.
    ///   - environment: Values of other names than the flags' are left alone.
    /// - Throws: `Problem`.
    public static func arguments(
        for command: any ParsableCommand.Type, commandLine: [String], environment: [String: String]
    ) throws(Problem) -> [String] {
        let flags = Self.flags(of: command)
        let given = Self.given(commandLine, flags)
        var added: [String] = []
        var taken = given
        for flag in flags where !given.contains(flag.name) {
            let variable = Self.variable(flag.name)
            guard let value = environment[variable] else { continue }
            taken.insert(flag.name)
            added += try Self.spell(flag, value, source: variable)
        }
        if flags.contains(where: { $0.name == "config" }),
            let path = Self.value(of: "config", in: commandLine) ?? environment["MESETA_CONFIG"], !path.isEmpty
        {
            added += try Self.fileArguments(path, text: try Self.read(path), flags: flags, without: taken)
        }
        return added + commandLine
    }

    /// `offer-timeout` is `MESETA_OFFER_TIMEOUT`.
    static func variable(_ name: String) -> String {
        "MESETA_" + String(name.uppercased().map { $0 == "-" ? "_" : $0 })
    }

    // MARK: - Flags

    /// The flags that a command's help lists, hidden ones too: the one public place that knows them.
    static func flags(of command: any ParsableCommand.Type) -> [Flag] {
        var flags: [Flag] = []
        for line in command.helpMessage(includeHidden: true, columns: 4096).split(separator: "\n") {
            guard line.hasPrefix("  -") else { continue }
            // Names end where the text begins, behind two spaces.
            let text = line.dropFirst(2)
            var names = text
            var position = text.startIndex
            while position < text.endIndex {
                if text[position...].hasPrefix("  ") {
                    names = text[..<position]
                    break
                }
                position = text.index(after: position)
            }
            let words = names.split(whereSeparator: { $0 == " " || $0 == "," || $0 == "/" })
            let spellings = words.filter { $0.hasPrefix("-") }.map(String.init)
            let takesValue = words.contains { $0.hasPrefix("<") }
            let long = spellings.filter { $0.hasPrefix("--") }
            // An inverted flag lists two names, each a flag.
            for name in takesValue ? Array(long.prefix(1)) : long {
                let bare = String(name.dropFirst(2))
                if Self.commandLineOnly.contains(bare) { continue }
                flags.append(Flag(name: bare, spellings: spellings, takesValue: takesValue))
            }
        }
        return flags
    }

    /// The names of the flags that the command line has.
    private static func given(_ commandLine: [String], _ flags: [Flag]) -> Set<String> {
        var given: Set<String> = []
        for argument in commandLine.prefix(while: { $0 != "--" }) {
            let spelling = String(argument.prefix { $0 != "=" })
            for flag in flags where flag.spellings.contains(spelling) { given.insert(flag.name) }
        }
        return given
    }

    private static func value(of name: String, in commandLine: [String]) -> String? {
        var value: String?
        for (index, argument) in commandLine.enumerated() {
            if argument == "--" { break }
            if argument == "--\(name)", index + 1 < commandLine.count { value = commandLine[index + 1] }
            if argument.hasPrefix("--\(name)=") { value = String(argument.dropFirst(name.count + 3)) }
        }
        return value
    }

    private static func spell(_ flag: Flag, _ value: String, source: String) throws(Problem) -> [String] {
        if flag.takesValue { return ["--\(flag.name)=\(value)"] }
        switch value.lowercased() {
        case "true", "yes", "on", "1": return ["--\(flag.name)"]
        case "false", "no", "off", "0", "": return []
        default: throw .badSwitch(source: source, value: value)
        }
    }

    // MARK: - File

    /// The lines of a file as arguments; names in `without` are checked and left out.
    static func fileArguments(
        _ path: String, text: String, flags: [Flag], without: Set<String>
    ) throws(Problem) -> [String] {
        var arguments: [String] = []
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = Self.trimmed(raw)
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard let separator = line.firstIndex(where: { $0 == ":" || $0 == "=" }) else {
                throw .badLine(path: path, line: index + 1, text: String(line))
            }
            let name = Self.trimmed(line[..<separator])
            var value = Self.trimmed(line[line.index(after: separator)...])
            if value.count >= 2, let quote = value.first, quote == "\"" || quote == "'", value.last == quote {
                value = value.dropFirst().dropLast()
            }
            guard !name.isEmpty else { throw .badLine(path: path, line: index + 1, text: String(line)) }
            guard let flag = flags.first(where: { $0.name == name && $0.name != "config" }) else {
                let known = flags.map(\.name).filter { $0 != "config" }.sorted()
                throw .unknownName(path: path, line: index + 1, name: String(name), known: known)
            }
            let spelled = try Self.spell(flag, String(value), source: "\(path):\(index + 1)")
            if !without.contains(flag.name) { arguments += spelled }
        }
        return arguments
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return text
    }

    private static func read(_ path: String) throws(Problem) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.mostBytes + 1)
        var count = 0
        while count < bytes.count {
            let room = bytes.count - count
            let got = bytes.withUnsafeMutableBytes { Self.read(descriptor, $0.baseAddress! + count, room) }
            if got < 0 { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
            if got == 0 { break }
            count += got
        }
        guard count <= Self.mostBytes else { throw .unreadable(path: path, reason: "it is longer than 1 MiB") }
        guard let text = String(validating: bytes[..<count], as: UTF8.self) else {
            throw .unreadable(path: path, reason: "it is not UTF-8")
        }
        return text
    }

    private static func read(_ descriptor: Int32, _ target: UnsafeMutableRawPointer, _ count: Int) -> Int {
        #if canImport(Glibc)
            Glibc.read(descriptor, target, count)
        #else
            Musl.read(descriptor, target, count)
        #endif
    }

    /// The environment of this process.
    public static func environment() -> [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return variables
    }
}
