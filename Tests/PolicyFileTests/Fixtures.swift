import Model
import PolicyFile
import Testing

/// The policy that a text says; a text with problems fails the test with them.
func policy(_ text: String) throws -> ClusterPolicy { try PolicyFile.read(text).get() }

/// What is wrong with a text; nothing if it says a policy.
func problems(_ text: String) -> [PolicyFile.Problem] {
    switch PolicyFile.read(text) {
    case .success: []
    case .failure(let problems): problems.list
    }
}

/// A text with one mistake, the line that it is on, and words that its message must have.
struct Mistake: CustomTestStringConvertible {
    var text: String
    var line: Int
    var words: [String]

    init(_ text: String, line: Int, _ words: String...) {
        self.text = text
        self.line = line
        self.words = words
    }

    var testDescription: String { String(self.text.prefix(60)).replacing("\n", with: "⏎") }

    /// Fails the test unless the one problem is this.
    func check(sourceLocation: SourceLocation = #_sourceLocation) {
        let found = problems(self.text)
        #expect(found.count == 1, "\(found)", sourceLocation: sourceLocation)
        guard let problem = found.first else { return }
        #expect(problem.line == self.line, "\(problem)", sourceLocation: sourceLocation)
        for word in self.words {
            let isThere = problem.cause.contains(word)
            #expect(isThere, "'\(word)' in \(problem)", sourceLocation: sourceLocation)
        }
    }
}
