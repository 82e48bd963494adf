internal import ArgumentParser
internal import Model

/// `meseta policy compare`: how the cluster fares beside what it would be under policies that allocators try out.
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare how the cluster fares with how it would under the policies of allocators that only watch.",
        discussion: """
            Such an allocator is started with --shadow, beside those that decide: meseta-allocator --shadow --policy \
            lottery, or --shadow --policy-file new.yaml. The master carries its proposals out in books of their own: the \
            same agents and frameworks, tasks of the same sizes and times. A framework that used all of its last offer \
            takes there whatever it is offered, any other as much as it has here. Leave it running for many times the \
            length of a task before you believe the figures.

            The share is the dominant share, averaged over the time watched; a wait is the time from wanting more to the \
            next task. Jain's index tells how evenly those that wanted more most of the time were served, each by what it \
            is entitled to: 1 is evenly.
            """)
    @OptionGroup var cluster: ClusterOptions
    @Flag(help: "As JSON, for programs.") var json = false

    func run() async throws {
        var shadows: [(row: ShadowRow, frameworks: [ComparisonRow])] = []
        for answer in try await OperatorClient.ask(.compare, self.cluster) {
            switch answer {
            case .shadow(let row): shadows.append((row, []))
            case .comparison(let row) where !shadows.isEmpty: shadows[shadows.count - 1].frameworks.append(row)
            default: break
            }
        }
        if self.json {
            let objects = shadows.map { Cell.fields($0.row.fields(with: $0.frameworks)).json }
            return print(objects.isEmpty ? "[]" : "[\n" + objects.joined(separator: ",\n") + "\n]")
        }
        guard !shadows.isEmpty else {
            throw Complaint(
                "no allocator watches: start one beside the others with: meseta-allocator --shadow --policy lottery")
        }
        print(shadows.map { Self.text($0.row, $0.frameworks) }.joined(separator: "\n\n"))
    }

    private static func text(_ shadow: ShadowRow, _ frameworks: [ComparisonRow]) -> String {
        var listing = Listing([
            "framework", "name", "role", "entitled", "share", "shadow_share", "mean_wait", "shadow_mean_wait",
            "longest_wait", "shadow_longest_wait", "tasks", "shadow_tasks",
        ])
        func wait(_ outcome: ComparisonRow.Outcome, _ duration: Duration) -> Cell {
            .text(outcome.waits == 0 && duration == .zero ? "" : Self.seconds(duration))
        }
        for row in frameworks {
            let isGone = row.entitled == 0
            listing.rows.append([
                .text(row.frameworkID.rawValue), .text(row.name), .text(row.role),
                .text(isGone ? "gone" : Self.percent(row.entitled)), .text(Self.percent(row.real.share)),
                .text(Self.percent(row.ifDecided.share)), wait(row.real, row.real.meanWait),
                wait(row.ifDecided, row.ifDecided.meanWait), wait(row.real, row.real.longestWait),
                wait(row.ifDecided, row.ifDecided.longestWait), .number(Double(row.real.tasks)),
                .number(Double(row.ifDecided.tasks)),
            ])
        }
        var lines = [
            "\(shadow.name): has watched for \(Self.seconds(shadow.watched)), "
                + "\(shadow.proposals) proposals, \(shadow.refusals) more refused, \(shadow.revocations) revocations"
        ]
        if !frameworks.isEmpty { lines.append(listing.table) }
        lines.append(
            "Jain's index: \(Self.decimals(shadow.index)) as it is, \(Self.decimals(shadow.shadowIndex)) under \(shadow.name)"
        )
        return lines.joined(separator: "\n")
    }

    private static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10)%" }
    private static func decimals(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
    private static func seconds(_ duration: Duration) -> String {
        "\((duration.asSeconds * 1000).rounded() / 1000)s"
    }
}

extension ShadowRow {
    fileprivate func fields(with frameworks: [ComparisonRow]) -> [(String, Cell)] {
        let rows = frameworks.map { row in
            (
                row.frameworkID.rawValue,
                Cell.fields([
                    ("name", .text(row.name)), ("role", .text(row.role)), ("entitled", .number(row.entitled)),
                    ("real", row.real.cell), ("shadow", row.ifDecided.cell),
                ])
            )
        }
        return [
            ("shadow", .text(self.name)), ("watched_seconds", .number(self.watched.asSeconds)),
            ("jain_index", .number(self.index)), ("shadow_jain_index", .number(self.shadowIndex)),
            ("proposals", .number(Double(self.proposals))), ("refusals", .number(Double(self.refusals))),
            ("revocations", .number(Double(self.revocations))), ("frameworks", .fields(rows)),
        ]
    }
}

extension ComparisonRow.Outcome {
    fileprivate var cell: Cell {
        .fields([
            ("share", .number(self.share)), ("waits", .number(Double(self.waits))),
            ("mean_wait_seconds", .number(self.meanWait.asSeconds)),
            ("longest_wait_seconds", .number(self.longestWait.asSeconds)), ("tasks", .number(Double(self.tasks))),
        ])
    }
}
