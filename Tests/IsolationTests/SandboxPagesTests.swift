import Testing

@testable import Isolation

/// What is written for those who read sandboxes over HTTP.
@Suite("Pages of sandboxes")
struct SandboxPagesTests {
    @Test("Names that a task chose do nothing in a page or a header")
    func escaping() {
        let name = "<script>\"'&\u{e9}"
        let entry = SandboxEntry(name: name, kind: .file, size: 3, modified: 0)
        let page = SandboxPages.html([entry], at: ["F", "a/b"], query: "token=x")
        #expect(!page.contains("<script>") && page.contains("&lt;script&gt;&quot;&#39;&amp;"))
        #expect(page.contains("href=\"/sandbox/F/a%2Fb/%3Cscript%3E%22%27%26%C3%A9?token=x\""))
        let header = SandboxPages.attachment("a\"\r\nx: y\u{e9}")
        #expect(header == "attachment; filename=\"a___x: y_\"; filename*=UTF-8''a%22%0D%0Ax%3A%20y%C3%A9")
        #expect(SandboxPages.contentType(of: "stdout") == "text/plain; charset=utf-8")
        #expect(SandboxPages.contentType(of: "x.html") == "application/octet-stream")
        #expect(SandboxPages.date(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    }

    @Test("Headers of an archive: checksum, long names, large files")
    func archive() {
        let plain = TarArchive.header(path: "a/b", isDirectory: false, size: 5, modified: 1)
        #expect(plain.count == 512)
        let sum = plain.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element)) }
        #expect(Int(String(decoding: plain[148..<154], as: UTF8.self), radix: 8) == sum)
        let long = String(repeating: "x", count: 300)
        let header = TarArchive.header(path: long, isDirectory: true, size: 0, modified: 1)
        #expect(header.count == 3 * 512)
        #expect(String(decoding: header[512..<1024], as: UTF8.self).hasPrefix("311 path=\(long)/\n"))
        let large = TarArchive.header(path: "a", isDirectory: false, size: 1 << 40, modified: 1)
        #expect(String(decoding: large[512..<1024], as: UTF8.self).hasPrefix("22 size=1099511627776\n"))
        #expect(TarArchive.padding(512).isEmpty && TarArchive.padding(513).count == 511)
    }

    @Test("A request may name a run, ask for a download or for the runs; what is wrong in it is refused")
    func requests() throws {
        let request = try #require(SandboxRequest(target: "/sandbox/F/t/out?run=12&download&token=a.b"))
        #expect(request.run == 12 && request.isDownload && !request.isOutput && !request.listsRuns)
        #expect(SandboxRequest(target: "/sandbox/F/t/stderr")?.isOutput == true)
        #expect(SandboxRequest(target: "/sandbox/F/t/x/stderr")?.isOutput == false)
        #expect(SandboxRequest(target: "/sandbox/F/t?runs")?.listsRuns == true)
        for target in [
            "/sandbox/F/t?run=x", "/sandbox/F/t?run=-1", "/sandbox/F/%+1", "/sandbox/F/%4", "/sandbox/F/t?run",
        ] {
            #expect(SandboxRequest(target: target) == nil, "\(target)")
        }
    }
}
