// SPDX-License-Identifier: Apache-2.0

extension AlertingConfig {
    init(reading section: Section) {
        self.init()
        alertRelabelConfigs = section.relabelConfigs("alert_relabel_configs")
        alertmanagers = section.sections("alertmanagers", AlertmanagerConfig.init(reading:))
        webhooks = section.sections("webhooks", WebhookConfig.init(reading:))
        section.reportSharedNames(webhooks.map(\.name), in: "webhooks")
    }
}

extension AlertmanagerConfig {
    fileprivate init?(reading section: Section) {
        self.init()
        enum Version: String, CaseIterable { case v2 }
        let _: Version? = section.choice("api_version")
        scheme = section.webScheme() ?? scheme
        pathPrefix = section.string("path_prefix") ?? pathPrefix
        timeout = section.interval("timeout") ?? timeout
        http = HTTPConfig(reading: section)
        relabelConfigs = section.relabelConfigs("relabel_configs")
        staticConfigs = section.targetGroups(areRelabeled: !relabelConfigs.isEmpty)
        alertRelabelConfigs = section.relabelConfigs("alert_relabel_configs")
        section.refuse(ServiceDiscovery.keys, remedy: ServiceDiscovery.remedy)
        section.refuse(["sigv4"])
    }
}

extension WebhookConfig {
    fileprivate init?(reading section: Section) {
        let url = section.requiredURL("url")
        self.init(name: section.string("name") ?? url?.redacted ?? "", url: Secret(url?.text ?? ""))
        sendResolved = section.bool("send_resolved") ?? sendResolved
        maxAlerts = section.integer("max_alerts", in: 0...1_000_000) ?? maxAlerts
        timeout = section.interval("timeout") ?? timeout
        repeatInterval = section.interval("repeat_interval") ?? repeatInterval
        http = HTTPConfig(reading: section)
    }
}
