// SPDX-License-Identifier: Apache-2.0
//
// What has to be seen to while transfers run: bodies whose pacer had nothing to give, and what accounted transfers have
// cost so far. Others cost nothing here.

internal import CCurl

extension TransferLoop {
    /// Goes on with what is paused, looks at what is accounted, ends what cost too much.
    ///
    /// - Parameters:
    ///   - multi: where the transfers run.
    ///   - running: the transfers; those ended are taken out.
    /// - Returns: milliseconds until the next look.
    func watch(
        _ multi: UnsafeMutableRawPointer,
        _ running: inout [UnsafeMutableRawPointer: Transfer]
    ) -> Int32 {
        let now = ContinuousClock.now
        var next = now.advanced(by: .seconds(60))
        for transfer in running.values {
            if let since = transfer.pausedSince {
                let until = since.advanced(by: Self.pauseInterval)
                if until <= now { transfer.resume() }
                next = min(next, (transfer.pausedSince ?? now).advanced(by: Self.pauseInterval))
            }
            guard let due = transfer.nextSample else { continue }
            if due <= now, !transfer.staysWithinCost() {
                abort(transfer, transfer.costError, multi, &running)
                continue
            }
            next = min(next, transfer.nextSample ?? next)
        }
        // Rounded up, so that it is due when the poll ends.
        return Int32(
            clamping: Int64((ContinuousClock.now.duration(to: next) / .milliseconds(1)).rounded(.up))
        )
    }
}
