// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
//
// Measures the store from outside; a package of its own, so that the product does not build it. `make bench` runs it.

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "Benchmarks",
    dependencies: [
        .package(name: "edgewatch", path: ".."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                .product(name: "EdgewatchStore", package: "edgewatch"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        // Looks inside the collector, so it is built with -enable-testing and not with the others.
        .executableTarget(
            name: "CollectBench",
            dependencies: [
                .product(name: "EdgewatchStore", package: "edgewatch"),
                .product(name: "EdgewatchCollector", package: "edgewatch"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
    ]
)
