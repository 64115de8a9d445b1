//! Payment, mail, marketing and other services of businesses.

use crate::exporter::batch::redact::rule::{Check, Prefix, Rule, token};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("monzo_token", &["mnzconf.", "mnzpub."], r"mnz(?:conf|pub)\.[A-Za-z0-9+/_-]{60,}={0,2}")
        .source("Monzo: authentication", "https://docs.monzo.com/#authentication")
        .examples("«mnzconf.%{b62:96}»", "the prefix mnzconf."),
    token("sendinblue_key", &["xkeysib-", "xsmtpsib-"], "x(?:key|smtp)sib-[0-9A-Za-z]{64}-[A-Za-z0-9]{16}")
        .source("Brevo: API keys", "https://developers.brevo.com/docs/getting-started")
        .examples("«xkeysib-%{hex:64}-%{b62:16}»", "the prefix xkeysib-"),
    token("typeform_token", &["tfp_"], "tfp_[A-Za-z0-9_.=-]{40,64}")
        .source("Typeform: personal access tokens", "https://www.typeform.com/developers/get-started/personal-access-token/")
        .examples("«tfp_%{b62:59}»", "the prefix tfp_"),
    token("square_token", &["sq0csp-", "sq0atp-", "sq0idp-", "EAAA"], "(?:sq0(?:csp|atp|idp)-[A-Za-z0-9_-]{22,60}|EAAA[A-Za-z0-9_-]{50,64})")
        .source("Square: access tokens", "https://developer.squareup.com/docs/build-basics/access-tokens")
        .examples("«sq0csp-%{b64url:43}»", "the prefix sq0csp-"),
    token("square_token", &["EAAA"], "EAAA[A-Za-z0-9_-]{22,50}")
        .source("Square: access tokens", "https://developer.squareup.com/docs/build-basics/access-tokens")
        .check(Check::Random)
        .examples("«EAAA%{b62:41}»", "the prefix EAAA"),
    token("facebook_token", &["EAA"], "EAA[A-Za-z][A-Za-z0-9]{90,}")
        .source("Meta: access tokens", "https://developers.facebook.com/docs/facebook-login/guides/access-tokens/")
        .examples("«EAACEdEose0cBA%{b62:140}»", "the prefix EAA"),
    token("easypost_key", &["EZAK", "EZTK"], "EZ[AT]K[A-Za-z0-9]{54}")
        .source("EasyPost: API keys", "https://docs.easypost.com/docs/authentication")
        .examples("«EZAK%{b62:54}»", "the prefix EZAK"),
    token("shippo_token", &["shippo_"], "shippo_(?:live|test)_[A-Za-z0-9]{40}")
        .source("Shippo: authentication", "https://docs.goshippo.com/docs/guides_general/authentication/")
        .examples("«shippo_live_%{hex:40}»", "the prefix shippo_"),
    token("flutterwave_key", &["FLWSECK"], "FLWSECK(?:_TEST)?-[A-Za-z0-9]{12,40}(?:-X)?")
        .source("Flutterwave: API keys", "https://developer.flutterwave.com/docs/authentication")
        .examples("«FLWSECK_TEST-%{hex:32}-X»", "the prefix FLWSECK"),
    token("duffel_token", &["duffel_"], "duffel_(?:test|live)_[A-Za-z0-9_=-]{40,46}")
        .source("Duffel: API", "https://duffel.com/docs/api/overview/authentication")
        .examples("«duffel_live_%{b64url:43}»", "the prefix duffel_"),
    token("lob_key", &["live_", "test_"], "(?:live|test)_(?:pub_)?[0-9a-f]{31,40}")
        .source("Lob: API keys", "https://docs.lob.com")
        .examples("«live_%{hex:35}»", "the prefix live_"),
    token("payment_key", &["live_", "test_"], "(?:live_[A-Za-z0-9_=-]{40}|(?:live|test)_[A-Za-z0-9]{30,36})")
        .source("Mollie: authentication", "https://docs.mollie.com/reference/authentication")
        .check(Check::Random)
        .examples("«live_%{b62:30}»", "the prefix live_"),
    token("razorpay_key", &["rzp_"], "rzp_(?:live|test)_[A-Za-z0-9]{14}")
        .source("Razorpay: API keys", "https://razorpay.com/docs/payments/dashboard/account-settings/api-keys/")
        .examples("«rzp_live_%{b62:14}»", "the prefix rzp_"),
    token("xendit_key", &["xnd_"], "xnd_(?:production|development)_[A-Za-z0-9]{40,80}")
        .source("Xendit: API keys", "https://docs.xendit.co")
        .examples("«xnd_production_%{b62:64}»", "the prefix xnd_"),
    token("paddle_key", &["pdl_"], "pdl_(?:live|sdbx)_(?:apikey|ntfset)_[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}")
        .source("Paddle: API keys", "https://developer.paddle.com/api-reference/about/authentication")
        .examples("«pdl_live_apikey_%{b36:26}_%{b62:22}_%{b62:3}»", "the prefix pdl_"),
    token("polar_token", &["polar_"], "polar_(?:oat|pat|at|rt|cst|whs|ci|cs)_[A-Za-z0-9_-]{20,100}")
        .source("Polar: authentication", "https://docs.polar.sh/integrate/authentication")
        .examples("«polar_oat_%{b62:40}»", "the prefix polar_"),
    token("braintree_token", &["access_token$"], r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}")
        .source("Braintree: credentials", "https://developer.paypal.com/braintree/articles/control-panel/important-gateway-credentials")
        .examples("«access_token$production$%{b36:16}$%{hex:32}»", "the prefix access_token$"),
    token("stytch_secret", &["secret-live-", "secret-test-"], "secret-(?:live|test)-[A-Za-z0-9_-]{32,40}={0,2}")
        .source("Stytch: API keys", "https://stytch.com/docs/api")
        .examples("«secret-live-%{b62:35}=»", "the prefix secret-live-"),
    token("stripe_key", &["sk_live_", "sk_test_"], "sk_(?:live|test)_[A-Za-z0-9+/]{16,120}={0,2}")
        .source("WorkOS: API keys", "https://workos.com/docs/reference/api-keys")
        .examples("«sk_live_a2V5Xz%{b62:69}==»", "the prefix sk_live_"),
    token("checkout_key", &["sk_"], "sk_(?:sbox_)?(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[a-z0-9]{26,32}[*#$=!]?)")
        .source("Checkout.com: API keys", "https://www.checkout.com/docs/developer-resources/api/manage-api-keys")
        .check(Check::Random)
        .examples("«sk_%{uuid}»", "the prefix sk_"),
    token("woocommerce_secret", &["cs_", "ck_"], "c[sk]_[0-9a-f]{40}")
        .source("WooCommerce: REST API keys", "https://woocommerce.com/document/woocommerce-rest-api/")
        .examples("«cs_%{hex:40}»", "the prefix cs_"),
    token("hubspot_token", &["pat-na1-", "pat-eu1-", "pat-na2-", "pat-ap1-"], "pat-[a-z]{2}[0-9]-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("HubSpot: private apps", "https://developers.hubspot.com/docs/guides/apps/private-apps/overview")
        .examples("«pat-na1-%{uuid}»", "the prefix pat-na1-"),
    token("klaviyo_key", &["pk_"], "pk_[0-9a-z]{34}")
        .source("Klaviyo: API keys", "https://developers.klaviyo.com/en/docs/authenticate_")
        .check(Check::Random)
        .examples("«pk_%{hex:34}»", "the prefix pk_"),
    token("clickup_token", &["pk_"], "pk_[0-9]{6,10}_[A-Za-z0-9]{32}")
        .source("ClickUp: personal tokens", "https://developer.clickup.com/docs/authentication")
        .examples("«pk_%{digit:8}_%{B36:32}»", "the prefix pk_"),
    token("courier_key", &["pk_prod_", "pk_test_", "dk_prod_"], "[pd]k_(?:prod|test)_[A-Z0-9]{28}")
        .source("Courier: authentication", "https://www.courier.com/docs/platform/workspaces/authentication")
        .examples("«pk_prod_%{B36:28}»", "the prefix pk_prod_"),
    token("mailersend_token", &["mlsn."], r"mlsn\.[A-Za-z0-9]{30,100}")
        .source("MailerSend: API tokens", "https://developers.mailersend.com/general.html#authentication")
        .examples("«mlsn.%{hex:64}»", "the prefix mlsn."),
    token("resend_key", &["re_"], "re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}")
        .source("Resend: API keys", "https://resend.com/docs/dashboard/api-keys/introduction")
        .check(Check::Random)
        .examples("«re_%{b62:8}_%{b62:24}»", "the prefix re_"),
    token("beamer_token", &["b_"], "b_[A-Za-z0-9=_-]{44}")
        .source("Beamer: API", "https://www.getbeamer.com/api")
        .check(Check::Random)
        .examples("«b_%{b62:44}»", "the prefix b_"),
    token("mapbox_token", &["sk.eyJ", "pk.eyJ", "tk.eyJ"], r"[spt]k\.eyJ[A-Za-z0-9_-]{40,90}\.[A-Za-z0-9_-]{22}")
        .source("Mapbox: access tokens", "https://docs.mapbox.com/api/overview/#access-tokens-and-token-scopes")
        .examples("«sk.eyJ%{b62:60}.%{b64url:22}»", "the prefix sk.eyJ"),
    token("mapbox_token", &["pk."], r"pk\.[a-z0-9]{60}\.[a-z0-9]{22}")
        .source("Mapbox: access tokens", "https://docs.mapbox.com/help/dive-deeper/access-tokens/")
        .examples("«pk.%{b36:60}.%{b36:22}»", "the prefix pk."),
    token("pinterest_token", &["pina_"], "pina_[A-Za-z0-9_-]{20,200}")
        .source("Pinterest: authentication", "https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/")
        .check(Check::Random)
        .examples("«pina_%{B36:80}»", "the prefix pina_"),
    token("twitter_token", &["AAAAAAAAAAAAAAAAAAAAA"], "A{21,23}[A-Za-z0-9%]{70,110}")
        .source("X: OAuth 2.0 bearer token", "https://docs.x.com/fundamentals/authentication/oauth-2-0/bearer-tokens")
        .check(Check::Random)
        .examples("«AAAAAAAAAAAAAAAAAAAAAA%{b62:90}»", "the prefix AAAAAAAAAAAAAAAAAAAAA"),
    token("vk_token", &["vk1.a."], r"vk1\.a\.[A-Za-z0-9_-]{80,}")
        .source("VK: access tokens", "https://dev.vk.com/en/api/access-token/getting-started")
        .examples("«vk1.a.%{b64url:190}»", "the prefix vk1.a."),
    token("pushbullet_token", &["o."], r"o\.[A-Za-z0-9]{32}")
        .source("Pushbullet: API", "https://docs.pushbullet.com")
        .check(Check::Random)
        .examples("«o.%{b62:32}»", "the prefix o."),
    token("twitch_token", &["oauth:"], "oauth:[a-z0-9]{30}")
        .source("Twitch: chat authentication", "https://dev.twitch.tv/docs/chat/authenticating/")
        .examples("«oauth:%{b36:30}»", "the prefix oauth:"),
    token("onfido_token", &["api_live", "api_sandbox"], r"api_(?:live|sandbox)(?:_[a-z]{2})?\.[A-Za-z0-9_-]{11,80}(?:\.[A-Za-z0-9_-]{20,80})?")
        .source("Onfido: API tokens", "https://documentation.onfido.com/api/latest/#api-tokens")
        .examples("«api_live.%{b64url:11}.%{b64url:32}»", "the prefix api_live"),
    token("persona_key", &["persona_"], "persona_(?:production|sandbox)_[A-Za-z0-9_-]{20,80}")
        .source("Persona: API keys", "https://docs.withpersona.com/api-introduction")
        .examples("«persona_production_%{hex:36}»", "the prefix persona_"),
    token("ramp_secret", &["ramp_sec_"], "ramp_sec_[A-Za-z0-9]{40,56}")
        .source("Ramp: authorization", "https://docs.ramp.com/developer-api/v1/authorization")
        .examples("«ramp_sec_%{b62:48}»", "the prefix ramp_sec_"),
    token("mercury_token", &["mercury_"], "mercury_(?:production|sandbox)_[a-z]{2,8}_[A-Za-z0-9]{30,60}(?:_[a-z]{4,10})?")
        .source("Mercury: API tokens", "https://docs.mercury.com/reference/getting-started-with-your-api")
        .examples("«mercury_production_wma_%{b62:45}_yrucrem»", "the prefix mercury_"),
    token("nylas_key", &["nyk_"], "nyk_(?:v0_)?[A-Za-z0-9]{40,80}")
        .source("Nylas: API keys", "https://developer.nylas.com/docs/v3/auth/")
        .examples("«nyk_v0_%{b62:64}»", "the prefix nyk_"),
    token("onesignal_key", &["os_v2_"], "os_v2_(?:app|org)_[a-z0-9]{90,110}")
        .source("OneSignal: keys and IDs", "https://documentation.onesignal.com/docs/en/keys-and-ids")
        .examples("«os_v2_app_%{b36:103}»", "the prefix os_v2_"),
    token("samsara_token", &["samsara_api_"], "samsara_api_[A-Za-z0-9]{26,32}")
        .source("Samsara: authentication", "https://developers.samsara.com/docs/authentication")
        .examples("«samsara_api_%{b62:30}»", "the prefix samsara_api_"),
    token("rainforest_key", &["apikey_"], "apikey_[0-9a-f]{64}")
        .source("Rainforest: authentication", "https://docs.rainforestpay.com")
        .examples("«apikey_%{hex:64}»", "the prefix apikey_"),
    token("plaid_token", &["access-sandbox-", "access-development-", "access-production-"], "access-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("Plaid: tokens", "https://plaid.com/docs/api/tokens/")
        .examples("«access-production-%{uuid}»", "the prefix access-sandbox-"),
    token("midtrans_key", &["Mid-server-", "Mid-client-"], "(?:SB-)?Mid-(?:server|client)-[A-Za-z0-9_-]{10,26}")
        .source("Midtrans: API authorization", "https://docs.midtrans.com/docs/api-authorization-headers")
        .check(Check::Random)
        .examples("«Mid-server-%{b62:20}»", "the prefix Mid-server-"),
    token("telnyx_key", &["KEY"], "KEY[0-9A-Z]{32}_[A-Za-z0-9]{20,24}|KEY[0-9A-Za-z_-]{55}")
        .source("Telnyx: API keys", "https://developers.telnyx.com/docs/account-setup/api-authentication")
        .check(Check::Random)
        .examples("«KEY%{b62:55}»", "the prefix KEY"),
    token("zoho_token", &["1000.", "1001.", "1003."], r"100[013]\.[0-9a-f]{32}\.[0-9a-f]{32}")
        .source("Zoho: OAuth", "https://www.zoho.com/accounts/protocol/oauth.html")
        .examples("«1000.%{hex:32}.%{hex:32}»", "the prefix 1000."),
    token("asana_token", &["1/", "2/", "0/"], "[012]/[0-9]{13,19}(?:/[0-9]{13,19})?:[0-9a-f]{32}")
        .source("Asana: personal access tokens", "https://developers.asana.com/docs/personal-access-token")
        .examples("«1/%{digit:16}:%{hex:32}»", "the prefix 1/"),
    token("salesforce_token", &["00D"], "00D[A-Za-z0-9]{12,15}![A-Za-z0-9._-]{80,260}")
        .source("Salesforce: sessions", "https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_oauth_and_connected_apps.htm")
        .examples("«00D%{b62:12}!%{b62:96}»", "the prefix 00D"),
    token("workato_token", &["wrka"], r"wrka[a-z]{0,2}-eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{64,}")
        .source("Workato: API clients", "https://docs.workato.com/workato-api.html")
        .examples("«wrka-eyJ%{b62:30}.%{b64url:60}.%{b64url:86}»", "the prefix wrka"),
    token("miro_token", &["eyJtaXJv"], "eyJtaXJv[A-Za-z0-9-]{10,64}_[A-Za-z0-9_-]{20,64}")
        .source("Miro: access tokens", "https://developers.miro.com/docs/getting-started-with-oauth")
        .examples("«eyJtaXJvLm9yaWdpbiI6%{b62:10}_%{b64url:30}»", "the prefix eyJtaXJv"),
    token("adobe_secret", &["p8e-", "p8"], "p8e-[A-Za-z0-9_-]{32}")
        .source("Adobe: credentials", "https://developer.adobe.com/developer-console/docs/guides/authentication/")
        .examples("«p8e-%{b62:32}»", "the prefix p8e-"),
    token("ebay_secret", &["PRD-", "SBX-"], "(?:PRD|SBX)-[0-9a-f]{12}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}|(?:PRD|SBX)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{8,12}")
        .source("eBay: OAuth credentials", "https://developer.ebay.com/api-docs/static/oauth-credentials.html")
        .examples("«PRD-%{hex:12}-%{hex:4}-%{hex:4}-%{hex:4}-%{hex:4}»", "the prefix PRD-"),
    token("canva_secret", &["cnvca"], "cnvca[A-Za-z0-9_-]{45,56}")
        .source("Canva: Connect API authentication", "https://www.canva.dev/docs/connect/authentication/")
        .examples("«cnvca%{b62:51}»", "the prefix cnvca"),
    token("maxmind_key", &["_mmk"], "[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk")
        .source("MaxMind: license keys", "https://support.maxmind.com/hc/en-us/articles/4407111582235-Generate-a-License-Key")
        .prefix(Prefix::Bytes(36))
        .examples("«%{b62:6}_%{b62:29}_mmk»", "the prefix _mmk"),
    token("databento_key", &["db-"], "db-[A-Za-z0-9]{29}")
        .source("Databento: API keys", "https://databento.com/docs/portal/api-keys")
        .check(Check::Random)
        .examples("«db-%{b62:29}»", "the prefix db-"),
    token("proof_key", &["prf_"], "prf_(?:cli_)?[A-Za-z0-9_-]{20,80}")
        .source("Proof: API keys", "https://dev.proof.com")
        .check(Check::Random)
        .examples("«prf_%{b62:40}»", "the prefix prf_"),
    token("dropbox_token", &["sl."], r"sl\.(?:u\.|B)?[A-Za-z0-9_=-]{100,}")
        .source("Dropbox: OAuth guide", "https://developers.dropbox.com/oauth-guide")
        .examples("«sl.B%{b64url:134}»", "the prefix sl."),
    token("notify_key", &["gcntfy-"], "gcntfy-[a-z0-9_]{2,60}-[0-9a-f-]{36}-[0-9a-f-]{36}")
        .source("GC Notify: API keys", "https://documentation.notification.canada.ca/en/keys.html")
        .examples("«gcntfy-team_key-%{uuid}-%{uuid}»", "the prefix gcntfy-"),
    token("ubidots_token", &["BBFF-", "BBUS-"], "BB(?:FF|US)-[A-Za-z0-9]{30}")
        .source("Ubidots: tokens", "https://docs.ubidots.com/reference/authentication")
        .examples("«BBFF-%{b62:30}»", "the prefix BBFF-"),
    token("lark_token", &["t-", "u-"], "[tu]-[A-Za-z0-9_.-]{40,43}")
        .source("Lark: access tokens", "https://open.larksuite.com/document/server-docs/getting-started/api-access-token")
        .check(Check::Random)
        .examples("«u-%{b62:42}»", "the prefix t-"),
    token("discord_mfa_token", &["mfa."], r"mfa\.[A-Za-z0-9_-]{84}")
        .source("Discord: authentication", "https://discord.com/developers/docs/reference#authentication")
        .examples("«mfa.%{b64url:84}»", "the prefix mfa."),
];
