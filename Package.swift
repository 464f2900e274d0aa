// swift-tools-version: 6.1
import PackageDescription

// Arrows point down only (README, "The house"); jobs/check-arrows.sh holds the imports to this graph.
let package = Package(
    name: "nearline",
    products: [
        .executable(name: "nearline", targets: ["nearline"]),
        .library(name: "NearlineClient", targets: ["NearlineClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: [
        // shell
        .executableTarget(
            name: "nearline",
            dependencies: [
                "Pipeline", "Importing", "Simulation", "Domain",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .target(
            name: "Pipeline",
            dependencies: [
                "Domain", "Checksum", "Postgres", "Schema", "Importing", "Simulation", "Histories", "Model", "Training",
                "Retrieval", "Clusters", "Transitions", "Interests", "ResultTables", "ResultCodec", "Ledger",
                "Evaluation", "Baselines", "Blending", "Tensors", "Safetensors", "Snapshots", "CStacks",
                .product(name: "Logging", package: "swift-log"), .product(name: "Yams", package: "Yams"),
            ]),

        // capability
        .target(name: "Importing", dependencies: ["Domain", "CZlib"]),
        .target(name: "Simulation", dependencies: ["Domain"]),
        .target(name: "Histories", dependencies: ["Domain", "Checksum", "Postgres"]),
        .target(name: "Model", dependencies: ["Domain", "Checksum", "Tensors", "Safetensors"]),
        .target(name: "Training", dependencies: ["Domain", "Model", "Tensors", "Safetensors"]),
        .target(name: "Retrieval", dependencies: ["Domain", "Tensors"]),
        .target(name: "Transitions", dependencies: ["Domain", "Tensors"]),
        .target(name: "Clusters", dependencies: ["Domain", "Checksum", "Tensors", "Safetensors"]),
        .target(
            name: "ResultTables", dependencies: ["Domain", "Postgres", "ResultCodec", "Schema", "Snapshots"]),
        .target(
            name: "NearlineClient", dependencies: ["Domain", "Checksum", "Postgres", "ResultCodec", "Snapshots"]),
        .target(name: "Ledger", dependencies: ["Domain", "Postgres"]),
        .target(name: "Baselines", dependencies: ["Domain", "Tensors"]),
        .target(name: "Blending", dependencies: ["Domain", "Tensors", "Safetensors", "Baselines"]),
        .target(name: "Evaluation", dependencies: ["Domain", "Tensors"]),
        .target(
            name: "Interests",
            dependencies: [
                "Checksum", "Postgres",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),

        // ground
        .target(name: "Domain"),
        .target(name: "Checksum", dependencies: ["CXXHash"]),
        .target(name: "Postgres", dependencies: ["CLibPQ"]),
        .target(name: "ResultCodec", dependencies: ["Domain", "Checksum", "CBands", "CLZ4"]),
        .target(name: "Snapshots", dependencies: ["Domain", "Checksum"]),
        .target(name: "Tensors", dependencies: ["COpenBLAS", "CKernels"]),
        .target(name: "Safetensors", dependencies: ["Tensors"]),
        .target(
            name: "Schema", dependencies: ["Checksum"], exclude: ["sql/schema.sql", "sql/queries"],
            resources: [
                .embedInCode("sql/0001_releases.sql"), .embedInCode("sql/0002_unpack.sql"),
                .embedInCode("sql/0003_result_tables.sql"), .embedInCode("sql/0004_payloads.sql"),
                .embedInCode("sql/0005_release_states.sql"), .embedInCode("sql/0006_transition_builds.sql"),
                .embedInCode("sql/0007_codebook_origin.sql"), .embedInCode("sql/0008_interests.sql"),
                .embedInCode("sql/0009_leases.sql"), .embedInCode("sql/0010_operations.sql"),
                .embedInCode("sql/0011_dates.sql"), .embedInCode("sql/0012_refresh.sql"),
                .embedInCode("sql/0013_refresh_order.sql"),
                .embedInCode("sql/0014_model_files.sql"),
            ]),

        // C
        .target(name: "CKernels"),
        .target(name: "CBands"),
        .target(name: "CStacks"),
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CXXHash", providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // measurements
        .executableTarget(
            name: "publish-figures",
            dependencies: [
                "NearlineClient", "Domain", "Postgres", "ResultCodec", "ResultTables", "Snapshots", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Tests/Benchmarks/Publishing"),
        .executableTarget(
            name: "codec-figures", dependencies: ["ResultCodec", "Domain", "Postgres"], path: "Tests/Benchmarks/Codec"),
        .executableTarget(
            name: "cluster-figures", dependencies: ["Clusters", "Domain", "Tensors"],
            path: "Tests/Benchmarks/Clusters"),
        .executableTarget(
            name: "model-figures",
            dependencies: [
                "Training", "Retrieval", "Model", "Domain", "Tensors",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Tests/Benchmarks/Model"),
        .executableTarget(
            name: "history-figures", dependencies: ["Histories", "Domain", "Postgres"],
            path: "Tests/Benchmarks/Histories"),
        .executableTarget(
            name: "transition-figures", dependencies: ["Transitions", "Histories", "Importing", "Domain", "Postgres"],
            path: "Tests/Benchmarks/Transitions"),

        // tests
        .target(
            name: "TestSupport", dependencies: ["Postgres", "ResultTables", "Domain"], path: "Tests/TestSupport"),
        .target(
            name: "ChatSupport",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ], path: "Tests/ChatSupport"),
        .testTarget(name: "PostgresTests", dependencies: ["Postgres", "TestSupport"]),
        .testTarget(name: "ImportingTests", dependencies: ["Importing", "Domain"]),
        .testTarget(name: "SimulationTests", dependencies: ["Simulation", "Domain"]),
        .testTarget(
            name: "ResultCodecTests", dependencies: ["ResultCodec", "Checksum", "Domain", "Postgres", "TestSupport"]),
        .executableTarget(
            name: "lookup-figures",
            dependencies: [
                "NearlineClient", "Snapshots", "ResultTables", "ResultCodec", "Domain", "Postgres", "TestSupport",
            ],
            path: "Tests/Benchmarks/Lookups"),
        .testTarget(
            name: "NearlineClientTests",
            dependencies: [
                "NearlineClient", "Snapshots", "ResultTables", "ResultCodec", "Domain", "Postgres", "TestSupport",
            ]),
        .testTarget(name: "SnapshotsTests", dependencies: ["Snapshots", "Domain", "Checksum"]),
        .testTarget(name: "TensorsTests", dependencies: ["Tensors", "Domain"]),
        .testTarget(
            name: "TrainingTests", dependencies: ["Training", "Model", "Domain", "Tensors", "Safetensors"],
            resources: [.copy("Golden")]),
        .testTarget(name: "DomainTests", dependencies: ["Domain"]),
        .testTarget(
            name: "BlendingTests", dependencies: ["Blending", "Baselines", "Domain", "Tensors", "Safetensors"]),
        .testTarget(name: "BaselinesTests", dependencies: ["Baselines", "Domain", "Tensors"]),
        .testTarget(
            name: "EvaluationTests", dependencies: ["Evaluation", "Domain", "Tensors"], resources: [.copy("Golden")]),
        .testTarget(name: "HistoriesTests", dependencies: ["Histories", "Domain", "Postgres", "TestSupport"]),
        .testTarget(
            name: "LedgerTests", dependencies: ["Ledger", "ResultTables", "Domain", "Postgres", "TestSupport"]),
        .testTarget(name: "ModelTests", dependencies: ["Model", "Domain", "Tensors", "Safetensors"]),
        .testTarget(
            name: "PipelineTests",
            dependencies: [
                "Pipeline", "Domain", "Histories", "Importing", "Interests", "Ledger", "Postgres", "ResultCodec",
                "ResultTables", "Safetensors", "Simulation", "TestSupport", "Transitions",
            ]),
        .testTarget(
            name: "ResultTablesTests",
            dependencies: ["ResultTables", "ResultCodec", "Checksum", "Schema", "Domain", "Postgres", "TestSupport"]),
        .testTarget(
            name: "InterestsTests",
            dependencies: [
                "Interests", "Domain", "Postgres", "ResultTables", "TestSupport", "ChatSupport",
                .product(name: "Logging", package: "swift-log"),
            ], resources: [.copy("Exchanges")]),
        .testTarget(name: "SafetensorsTests", dependencies: ["Safetensors", "Tensors"]),
        .testTarget(name: "ClustersTests", dependencies: ["Clusters", "Domain", "Tensors", "Safetensors"]),
        .testTarget(
            name: "TransitionsTests",
            dependencies: [
                "Transitions", "Histories", "Importing", "Simulation", "Domain", "Postgres", "Tensors", "TestSupport",
            ]),
        .testTarget(name: "CommandTests", dependencies: ["Postgres", "TestSupport", "ChatSupport", "Domain", "Model"]),
        .testTarget(name: "RetrievalTests", dependencies: ["Retrieval", "Domain", "Tensors"]),
    ],
    swiftLanguageModes: [.v6]
)
