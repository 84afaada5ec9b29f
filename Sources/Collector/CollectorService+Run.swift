// SPDX-License-Identifier: Apache-2.0
//
// The loop: what is due now, what sampling says, how long to sleep.

internal import Logging
internal import Platform
internal import Samples
internal import Synchronization

extension CollectorService {
    /// Collects until the task is cancelled.
    ///
    /// Returns when the last pass under way is over.
    @concurrent
    public func run() async throws {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let work = nextWork()
                for (number, source, order) in work.passes {
                    group.addTask { [self] in
                        await source.pass(order)
                        finished(number)
                    }
                }
                for end in work.endings {
                    let time = end.time ?? Timestamp(milliseconds: clock.wallMilliseconds())
                    group.addTask { await end.run(at: time) }
                }
                for discoverer in discovery.takeStarts() { group.addTask { await discoverer.run() } }
                if work.readsPower {
                    group.addTask { [self] in
                        await power.publish()
                        state.withLock { $0.isReadingPower = false }
                    }
                }
                do {
                    try await clock.sleep(for: work.sleep)
                } catch {
                    break
                }
            }
            group.cancelAll()
        }
    }

    /// What the loop does in one turn.
    struct Work {
        /// A source to end.
        struct End {
            let source: any CollectorSource
            /// The time of the markers; now when nil.
            let time: Timestamp?
            /// Who goes on with series of the same labels.
            let heir: (any CollectorSource)?

            func run(at time: Timestamp) async {
                if let heir {
                    await source.end(at: time, but: heir)
                } else {
                    await source.end(at: time)
                }
            }
        }

        var passes: [(number: Int, source: any CollectorSource, order: PassOrder)] = []
        var endings: [End] = []
        var readsPower = false
        var sleep = CollectorService.longestSleep
    }

    /// A pass that is still going on when this many ticks have come is said to be stuck.
    static let stuckTicks = 3

    /// Takes what is due, judges the policies when it is time.
    func nextWork() -> Work {
        let wall = clock.wallMilliseconds()
        let now = clock.monotonicNanoseconds()
        if discovery.isDue(at: now) { configured.withLock { retarget($0) } }
        var work = Work()
        state.withLock { state in
            if now >= state.nextEvaluation {
                state.nextEvaluation =
                    now &+ UInt64(SamplingPolicies.evaluationInterval.milliseconds) * 1_000_000
                work.readsPower = !state.isReadingPower
                state.isReadingPower = true
                judge(&state, wall: wall, now: now)
            }
            takeDue(&state, wall: wall, now: now, into: &work)
            CollectorService.takeEndings(&state, now: now, into: &work)
            let next = min(state.managed.lazy.map(\.schedule.due).min() ?? .max, state.nextEvaluation)
            let wait = Duration.nanoseconds(Int64(clamping: next > now ? next - now : 0))
            work.sleep = min(wait, CollectorService.longestSleep)
        }
        return work
    }

    /// Notes that a pass is over.
    func finished(_ number: Int) {
        state.withLock { state in
            if let index = state.managed.firstIndex(where: { $0.number == number }) {
                if state.managed[index].late >= CollectorService.stuckTicks {
                    logger.notice(
                        "Source is back after a pass that took long",
                        metadata: ["source": "\(state.managed[index].source.definition.name)"]
                    )
                }
                state.managed[index].isRunning = false
                state.managed[index].late = 0
            } else if let index = state.ending.firstIndex(where: { $0.number == number }) {
                state.ending[index].isRunning = false
            }
        }
    }

    private func takeDue(_ state: inout State, wall: Int64, now: UInt64, into work: inout Work) {
        for index in state.managed.indices {
            guard let tick = state.managed[index].schedule.take(wall: wall, now: now) else { continue }
            let source = state.managed[index].source
            missed.add(tick.missed + (state.managed[index].isRunning ? 1 : 0), of: source.definition)
            guard !state.managed[index].isRunning else {
                state.managed[index].late += 1
                if state.managed[index].late == CollectorService.stuckTicks {
                    logger.warning(
                        "Source is stuck: its pass has not ended, and none begins until it does",
                        metadata: ["source": "\(source.definition.name)"]
                    )
                }
                continue
            }
            state.managed[index].isRunning = true
            let decision = state.policies.decision(for: source.definition)
            let order = PassOrder(
                time: tick.time,
                interval: state.managed[index].interval,
                classes: decision.classes
            )
            work.passes.append((state.managed[index].number, source, order))
        }
    }

    private func judge(_ state: inout State, wall: Int64, now: UInt64) {
        for change in state.policies.evaluate(signals, at: now) {
            logger.notice(
                change.isActive ? "Sampling policy takes effect" : "Sampling policy no longer takes effect",
                metadata: ["policy": "\(change.policy)"]
            )
        }
        var contents = SamplingReport.Contents()
        for index in state.managed.indices {
            let definition = state.managed[index].source.definition
            let interval = state.policies.decision(for: definition).interval
            state.managed[index].interval = interval
            state.managed[index].schedule.setInterval(interval, wall: wall, now: now)
            contents.intervals[definition.name] = interval
        }
        for (name, isActive) in state.policies.states { contents.policies[name] = isActive }
        report.set(contents)
    }
}
