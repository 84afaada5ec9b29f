// SPDX-License-Identifier: Apache-2.0
//
// The page's own files from web/, and dygraphs as Debian packages it (libjs-dygraphs, MIT), taken into the binary
// at compile time by C23's #embed.

#include "webassets.h"

static const unsigned char index_html[] = {
#embed "web/index.html"
};
static const unsigned char app_css[] = {
#embed "web/app.css"
};
static const unsigned char app_js[] = {
#embed "web/app.js"
};
static const unsigned char api_js[] = {
#embed "web/api.js"
};
static const unsigned char chart_js[] = {
#embed "web/chart.js"
};
static const unsigned char dashboard_js[] = {
#embed "web/dashboard.js"
};
static const unsigned char explore_js[] = {
#embed "web/explore.js"
};
static const unsigned char format_js[] = {
#embed "web/format.js"
};
static const unsigned char panels_js[] = {
#embed "web/panels.js"
};
static const unsigned char icon_svg[] = {
#embed "web/icon.svg"
};
static const unsigned char dygraph_js[] = {
#embed </usr/share/javascript/dygraphs/dygraph.min.js>
};
static const unsigned char dygraph_css[] = {
#embed </usr/share/javascript/dygraphs/dygraph.min.css>
};

static const struct {
    const char *path;
    const char *type;
    const unsigned char *bytes;
    size_t size;
} assets[] = {
    {"/", "text/html; charset=utf-8", index_html, sizeof index_html},
    {"/assets/app.css", "text/css; charset=utf-8", app_css, sizeof app_css},
    {"/assets/app.js", "text/javascript; charset=utf-8", app_js, sizeof app_js},
    {"/assets/api.js", "text/javascript; charset=utf-8", api_js, sizeof api_js},
    {"/assets/chart.js", "text/javascript; charset=utf-8", chart_js, sizeof chart_js},
    {"/assets/dashboard.js", "text/javascript; charset=utf-8", dashboard_js, sizeof dashboard_js},
    {"/assets/explore.js", "text/javascript; charset=utf-8", explore_js, sizeof explore_js},
    {"/assets/format.js", "text/javascript; charset=utf-8", format_js, sizeof format_js},
    {"/assets/panels.js", "text/javascript; charset=utf-8", panels_js, sizeof panels_js},
    {"/assets/icon.svg", "image/svg+xml", icon_svg, sizeof icon_svg},
    {"/assets/dygraph.min.js", "text/javascript; charset=utf-8", dygraph_js, sizeof dygraph_js},
    {"/assets/dygraph.min.css", "text/css; charset=utf-8", dygraph_css, sizeof dygraph_css},
};

const size_t ew_web_asset_count = sizeof assets / sizeof assets[0];

const char *ew_web_asset_path(size_t index) { return index < ew_web_asset_count ? assets[index].path : NULL; }

const char *ew_web_asset_type(size_t index) { return index < ew_web_asset_count ? assets[index].type : NULL; }

const unsigned char *ew_web_asset_bytes(size_t index) {
    return index < ew_web_asset_count ? assets[index].bytes : NULL;
}

size_t ew_web_asset_size(size_t index) { return index < ew_web_asset_count ? assets[index].size : 0; }
