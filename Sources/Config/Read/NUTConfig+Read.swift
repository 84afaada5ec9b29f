// SPDX-License-Identifier: Apache-2.0

extension NUTServerConfig {
    init?(reading section: Section, _ global: GlobalConfig) {
        let address = section.nutAddress()
        self.init(name: section.required("name") ?? "", host: address?.host ?? "")
        port = address?.port ?? port
        ups = section.strings("ups")
        username = section.string("username")
        password = section.secret("password") ?? password
        passwordFile = section.path("password_file")
        validation = section.validations()
        interval = section.interval("interval") ?? global.scrapeInterval
        timeout = section.interval("timeout") ?? timeout
        powersNode = section.bool("powers_node") ?? powersNode
        labels = section.labels("labels")
        let hasPassword = !password.revealed.isEmpty
        if hasPassword, passwordFile != nil {
            section.report("password_file", "at most one of \"password\" and \"password_file\" may be set")
        }
        if username == nil, hasPassword || passwordFile != nil {
            let key = hasPassword ? "password" : "password_file"
            section.report(key, "a password needs a \"username\"")
        }
    }
}

extension Section {
    /// `host:port` or `host`; a missing one is reported.
    fileprivate func nutAddress() -> HostPort? {
        guard let text = required("address"), let node = take("address") else { return nil }
        return HostPort(text) ?? wrong(node, "address", "an address such as \"192.168.1.5:3493\"")
    }
}
