import Histories
import Interests
import Ledger
import Postgres
import ResultTables
import Transitions

/// `nearline interests`: a language model reads the transitions, and says which cluster it expects behind each key.
///
/// First it is judged: by the keys that were seen most before a cut, with what was counted up to there, against what came
/// behind it. Then every key is asked about with today's counts, and the answers are stored beside the counted successors.
/// Nothing is asked twice: answers are kept by their prompts, as they come.
package struct FindInterests {
    /// The instant behind which transitions are held out; nil for that behind which a tenth of the events lies.
    package var cut: String?
    /// False asks without the retrieved successor, for comparison.
    package var givesHint: Bool
    /// Also asks about the judged keys the other way, and says how often both agree.
    package var compares: Bool
    /// Whether a model may be taken that hits less than the most frequent successors alone.
    package var acceptsBelowHint: Bool
    package var dryRun: Bool

    package init(cut: String?, givesHint: Bool, compares: Bool, acceptsBelowHint: Bool, dryRun: Bool) {
        self.cut = cut
        self.givesHint = givesHint
        self.compares = compares
        self.acceptsBelowHint = acceptsBelowHint
        self.dryRun = dryRun
    }

    /// Settings that say what is asked, and whom.
    private static let decisive = [
        "chat-url", "chat-model", "chat-answer-tokens", "chat-held-to-names", "cluster-texts", "interest-support",
        "interest-judged", "min-valid-share", "min-hit-rate", "events", "items",
    ]

    package func run(_ context: RunContext) throws -> Answer {
        // What is not configured shows before anything is counted.
        let model = try InterestAsking.model(context.settings)
        if !dryRun { _ = try InterestAsking.endpoint(context.settings) }
        let connection = try context.connectToSchema(isReadOnly: dryRun)
        let source = try context.source(on: connection)
        guard let release = try ReleaseCatalogue(connection).current() else { throw ReleaseError.noRelease }
        let catalogue = TransitionCatalogue(release: release.release, on: connection)
        guard let stored = try catalogue.stored() else { throw JobError.noBuild(release: release.release) }
        if dryRun {
            let (judged, keys) = try read(context, source, catalogue, release.release, stored, on: connection)
            let clusters = try described(context, source, release.release, on: connection)
            return try InterestPlan(
                judged: judged.keys, keys: keys, compares: compares, givesHint: givesHint, clusters: clusters,
                model: model
            ).answer(context)
        }
        var answer: Answer?
        try context.booked(on: connection, settings: context.settings.json(Self.decisive)) { _, report in
            report.release = release.release
            let (judged, keys) = try read(context, source, catalogue, release.release, stored, on: connection)
            var asking = try InterestAsking(
                context: context, clusters: described(context, source, release.release, on: connection))
            defer { note(asking, &report) }
            let judgement = try judge(judged, &asking)
            let all = try asking.ask(keys, givesHint: givesHint, stage: "asking about all keys")
            let set = try checked(all, judgement, keys: keys.count, asking)
            try context.stage("storing interests") {
                try InterestWriter(release: release.release, on: connection).store(set, ofBuild: stored.build)
            }
            report.counts["interests"] = set.expected.count
            answer =
                InterestSummary(
                    release: release.release, build: stored.build, set: set, judgement: judgement, all: all,
                    asking: asking
                ).answer
        }
        return answer!
    }

    private func read(
        _ context: RunContext, _ source: EventSource, _ catalogue: TransitionCatalogue, _ release: Int,
        _ stored: TransitionCatalogue.Stored, on connection: Connection
    ) throws -> (judged: JudgedKeys, keys: [InterestKey]) {
        let support = context.settings.int("interest-support")
        let keys = try catalogue.shortKeys(minSupport: support).compactMap {
            InterestKey(TransitionKey(rawValue: $0.key), successors: $0.successors, support: $0.support)
        }
        guard !keys.isEmpty else { throw InterestError.noKeys(support: support, cut: nil) }
        let judged = try JudgedKeys(
            context: context, source: source, release: release, cut: cut, asOf: stored.asOf, minSupport: support,
            most: context.settings.int("interest-judged"), on: connection)
        return (judged, keys)
    }

    private func described(
        _ context: RunContext, _ source: EventSource, _ release: Int, on connection: Connection
    ) throws -> DescribedClusters {
        try DescribedClusters(
            release: release, source: source, texts: context.settings.text("cluster-texts"), on: connection)
    }

    private func note(_ asking: InterestAsking, _ report: inout RunReport) {
        report.counts["questions asked"] = asking.asked
        report.counts["answers known"] = asking.cached
        report.counts["questions without answer"] = asking.failed
        report.counts["tokens"] = asking.tokens
    }

    /// The verdict on the answers, and on those of the other way where both are asked; throws where a gate refuses it.
    private func judge(_ judged: JudgedKeys, _ asking: inout InterestAsking) throws -> InterestJudgement {
        let stage = "asking about the keys that it is judged by"
        let own = try complete(asking.ask(judged.keys, givesHint: givesHint, stage: stage), judged, asking)
        let other =
            compares
            ? try complete(
                asking.ask(judged.keys, givesHint: !givesHint, stage: stage + ", the other way"), judged, asking)
            : []
        let settings = asking.context.settings
        let gates = InterestGates(
            validShare: settings.real("min-valid-share"), hitRate: settings.real("min-hit-rate"),
            mayBeBelowHint: acceptsBelowHint)
        let judgement = InterestJudgement(
            cut: judged.cut, givesHint: givesHint,
            verdict: InterestVerdict(own, withoutHint: other, heldOut: judged.heldOut, gates: gates),
            otherWay: compares
                ? InterestVerdict(other, withoutHint: own, heldOut: judged.heldOut, gates: gates) : nil)
        asking.context.log.info("judged", metadata: judgement.metadata)
        guard judgement.verdict.passes else {
            throw InterestRefusal(model: asking.model.name, failures: judgement.verdict.failures)
        }
        return judgement
    }

    private func complete(
        _ report: InterestReport, _ judged: JudgedKeys, _ asking: InterestAsking
    ) throws -> [InterestOutcome] {
        guard report.end == .done else {
            throw InterestError.judgingCapped(
                answered: report.outcomes.count, keys: judged.keys.count, cap: asking.cap(report.end))
        }
        guard !report.outcomes.isEmpty else { throw InterestError.unanswered(keys: judged.keys.count) }
        return report.outcomes
    }

    /// What is to be stored; the gate of valid answers holds for all of them too.
    private func checked(
        _ all: InterestReport, _ judgement: InterestJudgement, keys: Int, _ asking: InterestAsking
    ) throws -> InterestSet {
        guard !all.outcomes.isEmpty else { throw InterestError.unanswered(keys: keys) }
        let required = asking.context.settings.real("min-valid-share"), verdict = judgement.verdict
        let expected = all.outcomes.compactMap { outcome in
            outcome.match.cluster.map {
                InterestSet.Expected(
                    key: outcome.key.key, cluster: $0, hint: givesHint ? outcome.key.hint : nil)
            }
        }
        let share = Double(expected.count) / Double(all.outcomes.count)
        guard share >= required else {
            throw InterestRefusal(
                model: asking.model.name, failures: [.fewValid(share: share, required: required)])
        }
        return InterestSet(
            model: asking.model.name, gaveHint: givesHint, judgedKeys: verdict.answers, heldOut: verdict.heldOut,
            validShare: share, hitRate: verdict.hitRate, hintHitRate: verdict.hintHitRate,
            asHinted: verdict.agreementWithHint, expected: expected)
    }
}
