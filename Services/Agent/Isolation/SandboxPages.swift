#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// How sandboxes look to those who read them over HTTP.
public enum SandboxPages {
    /// The type that a file is sent as.
    ///
    /// Text is shown as text, whatever is in it. All else is bytes: no page that a task wrote runs in a reader's browser.
    public static func contentType(of name: String) -> String {
        let isText =
            OutputBound.files.contains(name)
            || [".txt", ".log", ".out", ".err", ".csv", ".tsv", ".md", ".yaml", ".yml", ".conf"]
                .contains { name.hasSuffix($0) }
        if isText { return "text/plain; charset=utf-8" }
        return name.hasSuffix(".json") ? "application/json" : "application/octet-stream"
    }

    /// Tells a browser to store something as a file of that name.
    public static func attachment(_ name: String) -> String {
        let plain = name.unicodeScalars.map { scalar in
            scalar.isASCII && scalar.value >= 0x20 && scalar.value != 0x7f && scalar != "\"" && scalar != "\\"
                ? String(scalar) : "_"
        }.joined()
        return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(Self.encoded(name))"
    }

    /// A time as HTTP writes it.
    public static func date(_ seconds: Int64) -> String {
        var time = time_t(seconds), parts = tm()
        guard gmtime_r(&time, &parts) != nil else { return "Thu, 01 Jan 1970 00:00:00 GMT" }
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func digits(_ number: Int32) -> String { (number < 10 ? "0" : "") + "\(number)" }
        return "\(days[Int(parts.tm_wday)]), \(digits(parts.tm_mday)) \(months[Int(parts.tm_mon)]) "
            + "\(Int(parts.tm_year) + 1900) \(digits(parts.tm_hour)):\(digits(parts.tm_min)):\(digits(parts.tm_sec)) GMT"
    }

    /// A directory as a page.
    ///
    /// - Parameters:
    ///   - parts: Of its URL, behind `/sandbox`.
    ///   - query: What links carry on: `run` and `token`, percent-encoded.
    public static func html(_ entries: [SandboxEntry], at parts: [String], query: String) -> String {
        let base = "/sandbox/" + parts.map(Self.encoded).joined(separator: "/")
        let title = Self.escaped(parts.joined(separator: " / "))
        let tail = query.isEmpty ? "" : "?\(query)"
        let download = query.isEmpty ? "?download" : "?\(query)&download"
        var rows = ""
        if parts.count > 2 {
            let parent = "/sandbox/" + parts.dropLast().map(Self.encoded).joined(separator: "/")
            rows += "<tr><td><a href=\"\(Self.escaped(parent + tail))\">..</a><td><td>\n"
        }
        for entry in entries {
            let name = Self.escaped(entry.name) + (entry.kind == .directory ? "/" : "")
            let link = Self.escaped("\(base)/\(Self.encoded(entry.name))\(tail)")
            let cell = entry.kind == .other ? name : "<a href=\"\(link)\">\(name)</a>"
            rows += "<tr><td>\(cell)<td>\(entry.kind == .file ? "\(entry.size)" : "")<td>\(Self.date(entry.modified))\n"
        }
        return """
            <!DOCTYPE html>
            <html lang="en"><meta charset="utf-8"><title>\(title)</title>
            <style>body{font:14px monospace;margin:2em}td{padding:0 2em 0 0}td:nth-child(2){text-align:right}</style>
            <h1>\(title)</h1>
            <p><a href="\(Self.escaped(base + download))">all as a tar archive</a>
            <table>
            \(rows)</table></html>

            """
    }

    /// One part of a URL.
    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
    }
}

/// A tar archive, piece by piece (POSIX.1-2001, pax).
public enum TarArchive {
    /// What stands before an entry's bytes.
    ///
    /// - Parameter path: Relative; names and sizes that the old format has no room for are told in a header of their own.
    public static func header(path: String, isDirectory: Bool, size: Int64, modified: Int64) -> [UInt8] {
        let path = isDirectory ? path + "/" : path
        var result: [UInt8] = []
        var records = ""
        if path.utf8.count > 100 || path.utf8.contains(where: { $0 > 0x7e || $0 < 0x20 }) {
            records += Self.record("path", path)
        }
        if size >= 1 << 33 { records += Self.record("size", "\(size)") }
        if !records.isEmpty {
            let bytes = Array(records.utf8)
            result += Self.block("pax", type: "x", size: Int64(bytes.count), modified: modified) + bytes
            result += Self.padding(Int64(bytes.count))
        }
        return result
            + Self.block(
                path, type: isDirectory ? "5" : "0", size: size < 1 << 33 ? size : 0, modified: modified)
    }

    /// What stands behind an entry's bytes.
    public static func padding(_ size: Int64) -> [UInt8] { [UInt8](repeating: 0, count: Int((512 - size % 512) % 512)) }

    /// What stands behind the last entry.
    public static let end = [UInt8](repeating: 0, count: 1024)

    /// `<length> <key>=<value>\n`, of which the length counts itself.
    private static func record(_ key: String, _ value: String) -> String {
        let rest = " \(key)=\(value)\n".utf8.count
        var length = rest + 1
        while length != rest + "\(length)".utf8.count { length = rest + "\(length)".utf8.count }
        return "\(length) \(key)=\(value)\n"
    }

    private static func block(_ path: String, type: Character, size: Int64, modified: Int64) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int, _ room: Int) {
            for (index, byte) in text.utf8.prefix(room).enumerated() { block[offset + index] = byte }
        }
        func octal(_ number: Int64, _ digits: Int) -> String {
            let text = String(max(0, number), radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        put(path, at: 0, 100)
        put(type == "5" ? "0000755" : "0000644", at: 100, 8)
        put("0000000", at: 108, 8)
        put("0000000", at: 116, 8)
        put(octal(size, 11), at: 124, 12)
        put(octal(min(modified, 1 << 33 - 1), 11), at: 136, 12)
        put("        ", at: 148, 8)
        put(String(type), at: 156, 1)
        put("ustar", at: 257, 6)
        put("00", at: 263, 2)
        put(octal(block.reduce(0) { $0 + Int64($1) }, 6), at: 148, 6)
        block[154] = 0
        return block
    }
}
