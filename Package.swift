// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
//
// The module graph of ARCHITECTURE.md. Arrows only point down; `--explicit-target-dependency-import-check
// error` in the Makefile turns an undeclared import into a build error.

import PackageDescription

let everywhere: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .treatAllWarnings(as: .error),
]
/// For the modules that own raw memory: every unsafe expression must say so.
let closeToMemory = everywhere + [.strictMemorySafety(), .enableExperimentalFeature("Lifetimes")]
let strictC: [CSetting] = [.enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error)]
let strictCXX: [CXXSetting] = [.enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error)]

let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

func module(
    _ name: String,
    _ dependencies: [Target.Dependency],
    settings: [SwiftSetting] = everywhere
) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: everywhere)
}

let package = Package(
    name: "edgewatch",
    products: [
        .executable(name: "edgewatch", targets: ["edgewatch"]),
        // For Benchmarks/, a package of its own.
        .library(name: "EdgewatchStore", targets: ["TSDB", "Samples", "Platform", "Bytes"]),
        .library(name: "EdgewatchCollector", targets: ["Collector", "Config", "Wire"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    ],
    targets: [
        // C libraries, each imported by one module.
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CSnappy", pkgConfig: "snappy", providers: [.apt(["libsnappy-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CSensors", providers: [.apt(["libsensors-dev"])]),
        .systemLibrary(name: "CModbus", pkgConfig: "libmodbus", providers: [.apt(["libmodbus-dev"])]),
        .target(name: "CRE2", cxxSettings: strictCXX, linkerSettings: [.linkedLibrary("re2")]),
        .target(name: "CPlatform", cSettings: strictC),
        .target(name: "CRules", cSettings: strictC),
        .target(name: "CSystemd", cSettings: strictC),
        .target(name: "CCurl", cSettings: strictC),
        .target(name: "CWebAssets", exclude: ["web"], cSettings: strictC),

        // Level 0: values, the kernel, bytes.
        module("Samples", ["CRE2"]),
        module("Platform", ["CPlatform"], settings: closeToMemory),
        module("Bytes", ["CPlatform", "CZstd", "CZlib", "CSnappy"], settings: closeToMemory),

        // Level 1: formats and services without an opinion on metrics.
        module("Wire", ["Samples", "Bytes"], settings: closeToMemory),
        module("HTTPClient", ["CCurl", "Platform", "Bytes"]),
        module("StateStore", ["CSQLite", "Platform"]),
        module("Conditions", ["Samples", "Platform"]),
        module("Config", ["CYAML", "Samples", "Platform", "Conditions"]),

        // Level 2: the stages; none imports another.
        module(
            "Collector",
            [
                "Samples", "Platform", "Bytes", "Wire", "HTTPClient", "Conditions", "Config", "CSensors",
                "CSystemd",
                "CModbus", log,
            ]
        ),
        module("TSDB", ["Samples", "Platform", "Bytes", log, crypto], settings: closeToMemory),
        module("PromQL", ["Samples"]),
        module(
            "Sync",
            ["Samples", "Platform", "Bytes", "Wire", "HTTPClient", "StateStore", "Conditions", "Config", log]
        ),

        // Level 3: what judges and what shows.
        module(
            "Alerts",
            [
                "Samples", "Platform", "Bytes", "Wire", "HTTPClient", "StateStore", "Conditions", "Config",
                "PromQL", log,
            ]
        ),
        module(
            "HTTPAPI",
            [
                "Samples", "Platform", "Bytes", "Wire", "Config", "PromQL", "Alerts", "CWebAssets", log,
                crypto, hummingbirdCore, .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), lifecycle,
            ]
        ),

        // For people: another server's answers on a terminal.
        module("QueryTool", ["Samples", "Platform", "Wire", "HTTPClient"]),

        // Level 4: the one place that knows everybody.
        module(
            "Daemon",
            [
                "Samples", "Platform", "Bytes", "Wire", "HTTPClient", "StateStore", "Conditions", "Config",
                "Collector",
                "TSDB", "PromQL", "Sync", "Alerts", "HTTPAPI", "CRules", log, lifecycle, signals,
            ]
        ),
        .executableTarget(
            name: "edgewatch",
            dependencies: [
                "Daemon", "Config", "Collector", "TSDB", "PromQL", "Alerts", "HTTPClient", "QueryTool",
                "Wire", "Bytes", "Platform", "Samples", arguments, log,
            ],
            swiftSettings: everywhere,
            linkerSettings: [
                .unsafeFlags(
                    [
                        "-use-ld=lld", "-Xlinker", "--icf=safe", "-Xlinker", "-z", "-Xlinker",
                        // Nobody looks a name up in this program; the table of them is 3 MB.
                        "pack-relative-relocs", "-Xlinker", "--no-export-dynamic",
                    ],
                    .when(configuration: .release)
                )
            ]
        ),

        tests("SamplesTests", ["Samples", "Platform"]),
        tests("PlatformTests", ["Platform"]),
        tests("BytesTests", ["Bytes", "Platform"]),
        tests("PromQLTests", ["PromQL", "Samples"]),
        tests("TSDBTests", ["TSDB", "Samples", "Platform", "Bytes", log]),
        tests("DaemonTests", ["Daemon", "Samples"]),
        tests("WireTests", ["Wire", "Samples", "Bytes"]),
        tests(
            "CollectorTests",
            [
                "Collector", "Samples", "Platform", "Bytes", "Wire", "Config", "Conditions", "HTTPClient",
                "TestServer", "AllocationCounter", log,
            ]
        ),
        .target(name: "AllocationCounter", path: "Tests/AllocationCounter", cSettings: strictC),
        tests(
            "AlertsTests",
            [
                "Alerts", "Samples", "Platform", "Bytes", "Wire", "HTTPClient", "StateStore", "Config",
                "PromQL", "TestServer", log,
            ]
        ),
        tests("ConditionsTests", ["Conditions", "Platform"]),
        .target(name: "TestServer", path: "Tests/TestServer", swiftSettings: everywhere),
        tests("HTTPClientTests", ["HTTPClient", "TestServer"]),
        tests("StateStoreTests", ["StateStore", "Platform"]),
        tests("ConfigTests", ["Config", "Samples", "Platform", "Conditions"]),
        tests(
            "SyncTests",
            [
                "Sync", "Samples", "Platform", "Bytes", "Wire", "HTTPClient", "StateStore", "Conditions",
                "Config",
                "TSDB", "TestServer", log,
            ]
        ),
        tests(
            "HTTPAPITests",
            [
                "HTTPAPI", "Alerts", "PromQL", "Samples", "Platform", "Bytes", "Wire", "Config", "CWebAssets",
                log, lifecycle, .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ]
        ),
        tests("QueryToolTests", ["QueryTool", "HTTPClient", "Samples", "TestServer"]),
        tests("TierQueryTests", ["TSDB", "PromQL", "Samples", "Platform", log]),
        tests("SyncRuleTests", ["Sync", "Config", "PromQL", "Samples"]),
    ],
    cLanguageStandard: .c2x,
    cxxLanguageStandard: .cxx17
)
