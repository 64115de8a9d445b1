//! URLs that are a secret by themselves: webhooks, deploy hooks, heartbeats and signed URLs.

use crate::exporter::batch::redact::rule::{Boundary, Check, Prefix, Rule, token};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("signed_url", &["&Signature=", "?Signature=", "&amp;Signature="], "[&?;](?:amp;)?Signature=(?P<secret>(?:[A-Za-z0-9+/~_-]|%[0-9A-Fa-f]{2}){24,}={0,2})")
        .boundary(Boundary::Anything)
        .check(Check::Random)
        .source("Alibaba Cloud OSS: signed URLs", "https://www.alibabacloud.com/help/en/oss/developer-reference/include-a-v1-signature-in-a-url")
        .examples("?OSSAccessKeyId=%{b62:8}&Expires=%{digit:10}&Signature=«%{b62:27}%3D»", "?Signature=<signature>"),
    token("signed_url", &["hmac="], "hmac=(?P<secret>[0-9a-f]{64})")
        .source("Akamai: edge authorization tokens", "https://techdocs.akamai.com/property-mgr/docs/auth-token-2-0-ver")
        .examples("hdnts=exp=%{digit:10}~acl=/*~hmac=«%{hex:64}»", "the prefix hmac="),
    token("webhook_url", &["webexapis.com/v1/webhooks/incoming/"], r"webexapis\.com/v1/webhooks/incoming/(?P<secret>[A-Za-z0-9_-]{60,})")
        .source("Webex: incoming webhooks", "https://apphub.webex.com/applications/incoming-webhooks-cisco-systems-38054-23307-75252")
        .examples("https://webexapis.com/v1/webhooks/incoming/«%{b62:80}»", "the prefix webexapis.com/v1/webhooks/incoming/"),
    token("webhook_url", &["/hooks/"], "/hooks/[A-Za-z0-9]{17,24}/(?P<secret>[A-Za-z0-9]{40,60})")
        .boundary(Boundary::Anything)
        .source("Rocket.Chat: incoming webhooks", "https://docs.rocket.chat/docs/integrations")
        .examples("https://chat.example.net/hooks/%{b62:24}/«%{b62:48}»", "/hooks/pre-commit"),
    token("webhook_url", &["qyapi.weixin.qq.com"], r"qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
        .source("WeCom: group robots", "https://developer.work.weixin.qq.com/document/path/91770")
        .examples("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=«%{uuid}»", "the prefix qyapi.weixin.qq.com"),
    token("webhook_url", &["/webhook/", "/webhook-test/"], "/webhook(?:-test)?/(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
        .boundary(Boundary::Anything)
        .source("n8n: the Webhook node", "https://docs.n8n.io/integrations/builtin/core-nodes/n8n-nodes-base.webhook/")
        .examples("https://n8n.example.net/webhook/«%{uuid}»", "/webhook/deploy"),
    token("webhook_url", &["webhook.site/"], r"webhook\.site/(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
        .source("Webhook.site: documentation", "https://docs.webhook.site/")
        .examples("https://webhook.site/«%{uuid}»", "the prefix webhook.site/"),
    token("webhook_url", &[".m.pipedream.net"], r"(?P<secret>e[no][a-z0-9]{10,18})\.m\.pipedream\.net")
        .prefix(Prefix::Name { max: 24 })
        .source("Pipedream: HTTP triggers", "https://pipedream.com/docs/workflows/building-workflows/triggers")
        .examples("https://«eo%{b36:13}».m.pipedream.net", "the host .m.pipedream.net"),
    token("webhook_url", &["hooks.airtable.com"], r"hooks\.airtable\.com/workflows/v1/genericWebhook/(?P<secret>app[A-Za-z0-9]{14}/wfl[A-Za-z0-9]{14}/wtr[A-Za-z0-9]{14})")
        .source("Airtable: webhook triggers", "https://support.airtable.com/docs/when-webhook-received-trigger")
        .examples("https://hooks.airtable.com/workflows/v1/genericWebhook/«app%{b62:14}/wfl%{b62:14}/wtr%{b62:14}»", "the prefix hooks.airtable.com"),
    token("webhook_url", &["automation.atlassian.com", "api-private.atlassian.com"], r"(?:automation\.atlassian\.com/pro/hooks|api-private\.atlassian\.com/automation/webhooks/jira/a)/(?P<secret>[0-9a-f][0-9a-f/-]{35,90})")
        .source("Jira: incoming webhook triggers", "https://support.atlassian.com/cloud-automation/docs/configure-the-incoming-webhook-trigger-in-atlassian-automation/")
        .examples("https://automation.atlassian.com/pro/hooks/«%{hex:40}»", "the prefix automation.atlassian.com"),
    token("webhook_url", &["events.pagerduty.com"], r"events\.pagerduty\.com/integration/(?P<secret>[0-9a-f]{32})")
        .source("PagerDuty: integrations", "https://support.pagerduty.com/main/docs/services-and-integrations")
        .examples("https://events.pagerduty.com/integration/«%{hex:32}»/enqueue", "the prefix events.pagerduty.com"),
    token("webhook_url", &["/api/v1/heartbeat/"], "/api/v1/heartbeat/(?P<secret>[A-Za-z0-9]{24})")
        .boundary(Boundary::Anything)
        .source("Better Stack: heartbeats", "https://betterstack.com/docs/uptime/cron-and-heartbeat-monitor/")
        .examples("https://uptime.betterstack.com/api/v1/heartbeat/«%{b62:24}»", "the prefix /api/v1/heartbeat/"),
    token("webhook_url", &["hc-ping.com/", "nosnch.in/", "cronitor.link/p/"], r"(?:hc-ping\.com/(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[A-Za-z0-9_-]{22})|nosnch\.in/(?P<secret_2>[0-9a-f]{10})|cronitor\.link/p/(?P<secret_3>[0-9a-f]{32}))")
        .source("Healthchecks.io: pinging API", "https://healthchecks.io/docs/http_api/")
        .examples("https://hc-ping.com/«%{uuid}»", "the prefix hc-ping.com/"),
    token("webhook_url", &["api.netlify.com/build_hooks/"], r"api\.netlify\.com/build_hooks/(?P<secret>[0-9a-f]{24})")
        .source("Netlify: build hooks", "https://docs.netlify.com/build/configure-builds/build-hooks/")
        .examples("https://api.netlify.com/build_hooks/«%{hex:24}»", "the prefix api.netlify.com/build_hooks/"),
    token("webhook_url", &["/integrations/deploy/prj_"], "/integrations/deploy/(?P<secret>prj_[A-Za-z0-9]{24,32}/[A-Za-z0-9]{8,12})")
        .boundary(Boundary::Anything)
        .source("Vercel: deploy hooks", "https://vercel.com/docs/deploy-hooks")
        .examples("https://api.vercel.com/v1/integrations/deploy/«prj_%{b62:28}/%{b62:10}»", "the prefix /integrations/deploy/prj_"),
    token("webhook_url", &["api.render.com/deploy/"], r"api\.render\.com/deploy/[a-z0-9-]{10,40}\?key=(?P<secret>[A-Za-z0-9_-]{8,20})")
        .source("Render: deploy hooks", "https://render.com/docs/deploy-hooks")
        .examples("https://api.render.com/deploy/srv-%{b36:20}?key=«%{b62:11}»", "the prefix api.render.com/deploy/"),
    token("webhook_url", &["/pages/webhooks/deploy_hooks/"], "/pages/webhooks/deploy_hooks/(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
        .boundary(Boundary::Anything)
        .source("Cloudflare Pages: deploy hooks", "https://developers.cloudflare.com/pages/configuration/deploy-hooks/")
        .examples("https://api.cloudflare.com/client/v4/pages/webhooks/deploy_hooks/«%{uuid}»", "the prefix /pages/webhooks/deploy_hooks/"),
    token("webhook_url", &["hub.docker.com/api/build/"], r"hub\.docker\.com/api/build/v1/source/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/trigger/(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
        .source("Docker Hub: build triggers", "https://docs.docker.com/docker-hub/repos/manage/builds/")
        .examples("https://hub.docker.com/api/build/v1/source/%{uuid}/trigger/«%{uuid}»/call/", "the prefix hub.docker.com/api/build/"),
    token("webhook_url", &["AKfycb"], "AKfycb[A-Za-z0-9_-]{40,}")
        .source("Google Apps Script: web apps", "https://developers.google.com/apps-script/guides/web")
        .examples("https://script.google.com/macros/s/«AKfycb%{b62:66}»/exec", "the prefix AKfycb"),
    token("webhook_url", &["private-"], "private-[0-9a-f]{32}")
        .source("Google Calendar: secret addresses", "https://support.google.com/calendar/answer/37648")
        .examples("/ical/alice/«private-%{hex:32}»/basic.ics", "the prefix private-"),
    token("webhook_url", &["sumologic.com/receiver/"], r"sumologic\.com/receiver/v1/http/(?P<secret>[A-Za-z0-9+/_-]{60,}={0,2})")
        .source("Sumo Logic: HTTP sources", "https://help.sumologic.com/docs/send-data/hosted-collectors/http-source/")
        .examples("https://endpoint1.collection.us2.sumologic.com/receiver/v1/http/«%{b62:86}==»", "the prefix sumologic.com/receiver/"),
    token("webhook_url", &["loggly.com/inputs/", "loggly.com/bulk/"], r"loggly\.com/(?:inputs|bulk)/(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
        .source("Loggly: HTTP endpoint", "https://documentation.solarwinds.com/en/success_center/loggly/content/admin/http-endpoint.htm")
        .examples("https://logs-01.loggly.com/inputs/«%{uuid}»/tag/http/", "the prefix loggly.com/inputs/"),
    token("splunk_token", &["Splunk ", "splunk "], "[Ss]plunk (?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
        .source("Splunk: HTTP Event Collector", "https://docs.splunk.com/Documentation/Splunk/latest/Data/UsetheHTTPEventCollector")
        .examples("X-Auth: Splunk «%{uuid}»", "Splunk is up"),
    token("webhook_url", &["hook.eu1.make.", "hook.eu2.make.", "hook.us1.make.", "hook.us2.make.", "hook.integromat.com", "hook.celonis.com"], r"hook\.(?:[eu][us][0-9]\.make\.(?:celonis\.)?com|(?:integromat|celonis)\.com)/(?P<secret>[a-z0-9]{28,40})")
        .source("Make: webhooks", "https://help.make.com/webhooks")
        .examples("https://hook.eu1.make.celonis.com/«%{b36:32}»", "the prefix hook.celonis.com"),
];
