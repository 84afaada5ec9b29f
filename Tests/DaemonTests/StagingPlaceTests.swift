// SPDX-License-Identifier: Apache-2.0
//
// Where shared memory is trusted to be there after a kill.

import Testing

@testable import Daemon

struct StagingPlaceTests {
    @Test(arguments: [
        // Process, parent, first process, whether the container goes on.
        (1, 0, "edgewatch", false), (7, 1, "tini", false), (7, 1, "python3", false), (7, 1, "systemd", true),
        (9, 7, "sh", false), (9, 7, "s6-svscan", true), (9, 7, "sleep", true), (9, 7, "", false),
    ])
    func aContainerOutlivesWhoIsNotItsFirstProcess(_ case: (Int32, Int32, String, Bool)) {
        let (process, parent, first, expected) = `case`
        #expect(StagingPlace.outlives(process: process, parent: parent, first: first) == expected)
    }
}
