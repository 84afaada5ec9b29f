// SPDX-License-Identifier: Apache-2.0
//
// `scrape_config_files`: jobs in files of their own, each a mapping with one key, `scrape_configs`. Relative paths in such
// a file begin at its directory, and its mistakes name it. The files are read with the configuration, so a reload reads
// them again.

internal import Platform

/// What stands in `scrape_config_files`.
struct JobFiles {
    var jobs: [ScrapeConfig] = []
    /// Each file's text in normal form, secrets as `<secret>`.
    var texts: [String] = []
}

extension Section {
    /// Files beyond this are more likely a pattern gone wrong than jobs.
    private static let fileLimit = 1000

    /// The jobs of the files that the patterns under `scrape_config_files` name, in order.
    func scrapeConfigFiles(_ global: GlobalConfig) -> JobFiles {
        var found = JobFiles()
        var count = 0
        for node in list("scrape_config_files") {
            guard let pattern = string(node, "scrape_config_files") else { continue }
            let files = Configuration.expand(context.resolve(pattern))
            if files.isEmpty { problems.warn(node.error("no file matches \"\(pattern)\"")) }
            for file in files {
                count += 1
                guard count <= Section.fileLimit else {
                    problems.add(node.error("more than \(Section.fileLimit) files of jobs"))
                    return found
                }
                readJobs(inFile: file, node, global, into: &found)
            }
        }
        return found
    }

    private func readJobs(
        inFile file: String,
        _ node: YAMLNode,
        _ global: GlobalConfig,
        into found: inout JobFiles
    ) {
        let root: YAMLNode
        do {
            root = try YAMLReader.parse(try TextFile.read(file, limit: YAMLReader.sizeLimit), file: file)
        } catch let errors as ConfigErrors {
            for error in errors.errors { problems.add(error) }
            return
        } catch let error as FileError {
            problems.add(node.error("\(file): \(ErrorNumber.words(error.code))"))
            return
        } catch {
            return
        }
        let own = ReadContext(directory: Configuration.directory(of: file), environment: context.environment)
        found.jobs += Section.read(root, problems, own) { section in
            section.sections("scrape_configs") { ScrapeConfig(reading: $0, global) }
        }
        found.texts.append(YAMLText.redacted(root))
    }

    /// Reports jobs of other files whose name is taken.
    func reportRepeatedJobs(_ jobs: [ScrapeConfig], besides own: [ScrapeConfig]) {
        var seen = Set(own.map(\.jobName))
        for job in jobs where !seen.insert(job.jobName).inserted && !job.jobName.isEmpty {
            report("scrape_config_files", "job_name \"\(job.jobName)\" is already used")
        }
    }
}
