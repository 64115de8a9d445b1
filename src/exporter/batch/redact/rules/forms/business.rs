//! Payment, mail, marketing and other services of businesses.

use crate::exporter::batch::redact::rule::{Boundary, Check, Prefix, Rule, token};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("monzo_token", &["mnzconf.", "mnzpub."], r"mnz(?:conf|pub)\.[A-Za-z0-9+/_-]{60,}={0,2}")
        .source("Monzo: authentication", "https://docs.monzo.com/#authentication")
        .examples("«mnzconf.%{b62:96}»", "the prefix mnzconf."),
    token("sendinblue_key", &["xkeysib-", "xsmtpsib-"], "x(?:key|smtp)sib-[0-9A-Za-z]{64}-[A-Za-z0-9]{16}")
        .source("Brevo: API keys", "https://developers.brevo.com/docs/getting-started")
        .examples("«xkeysib-%{hex:64}-%{b62:16}»", "the prefix xkeysib-"),
    token("typeform_token", &["tfp_"], "tfp_[A-Za-z0-9_.=-]{35,}")
        .source("Typeform: personal access tokens", "https://www.typeform.com/developers/get-started/personal-access-token/")
        .examples("«tfp_%{b62:59}»", "the prefix tfp_"),
    token("square_token", &["sq0csp-", "sq0atp-", "sq0idp-", "sq0atb-", "sq0csb-", "sq0acp-", "EAAA"], "(?:sq0(?:csp|atp|idp|atb|csb|acp)-[A-Za-z0-9_-]{22,60}|EAAA[A-Za-z0-9_-]{50,64})")
        .source("Square: access tokens", "https://developer.squareup.com/docs/build-basics/access-tokens")
        .examples("«sq0csp-%{b64url:43}»", "the prefix sq0csp-"),
    token("square_token", &["EAAA"], "EAAA[A-Za-z0-9_-]{20,}")
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
    token("duffel_token", &["duffel_"], "duffel_(?:test|live)_[A-Za-z0-9_=-]{35,}")
        .source("Duffel: API", "https://duffel.com/docs/api/overview/authentication")
        .examples("«duffel_live_%{b64url:43}»", "the prefix duffel_"),
    token("lob_key", &["live_", "test_"], "(?:live|test)_(?:pub_)?[0-9a-f]{28,}")
        .boundary(Boundary::NoPath)
        .source("Lob: API keys", "https://docs.lob.com")
        .examples("«live_%{hex:35}»", "the prefix live_"),
    token("payment_key", &["live_", "test_"], "(?:live_[A-Za-z0-9_=-]{40}|(?:live|test)_[A-Za-z0-9]{24,36})")
        .boundary(Boundary::NoName)
        .source("Mollie: authentication", "https://docs.mollie.com/reference/authentication")
        .check(Check::Random)
        .examples("«live_%{b62:30}»", "the prefix live_"),
    token("razorpay_key", &["rzp_"], "rzp_(?:live|test)_[A-Za-z0-9]{14}")
        .source("Razorpay: API keys", "https://razorpay.com/docs/payments/dashboard/account-settings/api-keys/")
        .examples("«rzp_live_%{b62:14}»", "the prefix rzp_"),
    token("xendit_key", &["xnd_"], "xnd_(?:production|development)_[A-Za-z0-9]{35,}")
        .source("Xendit: API keys", "https://docs.xendit.co")
        .examples("«xnd_production_%{b62:64}»", "the prefix xnd_"),
    token("paddle_key", &["pdl_"], "pdl_(?:(?:live|sdbx)_)?(?:apikey|ntfset)_[a-z0-9]{26}_[A-Za-z0-9+/]{22,40}(?:_[A-Za-z0-9]{3})?")
        .source("Paddle: API keys", "https://developer.paddle.com/api-reference/about/authentication")
        .examples("«pdl_live_apikey_%{b36:26}_%{b62:22}_%{b62:3}»", "the prefix pdl_"),
    token("polar_token", &["polar_"], "polar_(?:oat|pat|at|rt|cst|whs|ci|cs)_[A-Za-z0-9_-]{18,}")
        .source("Polar: authentication", "https://docs.polar.sh/integrate/authentication")
        .examples("«polar_oat_%{b62:40}»", "the prefix polar_"),
    token("braintree_token", &["access_token$"], r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}")
        .source("Braintree: credentials", "https://developer.paypal.com/braintree/articles/control-panel/important-gateway-credentials")
        .examples("«access_token$production$%{b36:16}$%{hex:32}»", "the prefix access_token$"),
    token("stytch_secret", &["secret-live-", "secret-test-"], "secret-(?:live|test)-[A-Za-z0-9_-]{28,}={0,2}")
        .source("Stytch: API keys", "https://stytch.com/docs/api")
        .examples("«secret-live-%{b62:35}=»", "the prefix secret-live-"),
    token("stripe_key", &["sk_live_", "sk_test_"], "sk_(?:live|test)_[A-Za-z0-9+/]{14,}={0,2}")
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
    token("mailersend_token", &["mlsn."], r"mlsn\.[A-Za-z0-9]{27,}")
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
    token("pinterest_token", &["pina_"], "pina_[A-Za-z0-9_-]{18,}")
        .source("Pinterest: authentication", "https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/")
        .check(Check::Random)
        .examples("«pina_%{B36:80}»", "the prefix pina_"),
    token("twitter_token", &["AAAAAAAAAAAAAAAAAAAAA"], "A{21,23}[A-Za-z0-9%]{62,}")
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
    token("persona_key", &["persona_"], "persona_(?:production|sandbox)_[A-Za-z0-9_-]{18,}")
        .source("Persona: API keys", "https://docs.withpersona.com/api-introduction")
        .examples("«persona_production_%{hex:36}»", "the prefix persona_"),
    token("ramp_secret", &["ramp_sec_"], "ramp_sec_[A-Za-z0-9]{35,}")
        .source("Ramp: authorization", "https://docs.ramp.com/developer-api/v1/authorization")
        .examples("«ramp_sec_%{b62:48}»", "the prefix ramp_sec_"),
    token("mercury_token", &["mercury_"], "mercury_(?:production|sandbox)_[a-z]{2,8}_[A-Za-z0-9]{30,60}(?:_[a-z]{4,10})?")
        .source("Mercury: API tokens", "https://docs.mercury.com/reference/getting-started-with-your-api")
        .examples("«mercury_production_wma_%{b62:45}_yrucrem»", "the prefix mercury_"),
    token("nylas_key", &["nyk_"], "nyk_(?:v0_)?[A-Za-z0-9]{35,}")
        .source("Nylas: API keys", "https://developer.nylas.com/docs/v3/auth/")
        .examples("«nyk_v0_%{b62:64}»", "the prefix nyk_"),
    token("onesignal_key", &["os_v2_"], "os_v2_(?:app|org)_[a-z0-9]{79,}")
        .source("OneSignal: keys and IDs", "https://documentation.onesignal.com/docs/en/keys-and-ids")
        .examples("«os_v2_app_%{b36:103}»", "the prefix os_v2_"),
    token("samsara_token", &["samsara_api_"], "samsara_api_[A-Za-z0-9]{23,}")
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
    token("miro_token", &["eyJtaXJv"], "eyJtaXJv[A-Za-z0-9-]{10,64}_[A-Za-z0-9_-]{18,}")
        .source("Miro: access tokens", "https://developers.miro.com/docs/getting-started-with-oauth")
        .examples("«eyJtaXJvLm9yaWdpbiI6%{b62:10}_%{b64url:30}»", "the prefix eyJtaXJv"),
    token("adobe_secret", &["p8e-", "p8"], "p8e-[A-Za-z0-9_-]{32}")
        .source("Adobe: credentials", "https://developer.adobe.com/developer-console/docs/guides/authentication/")
        .examples("«p8e-%{b62:32}»", "the prefix p8e-"),
    token("ebay_secret", &["PRD-", "SBX-"], "(?:PRD|SBX)-[0-9a-f]{12}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}|(?:PRD|SBX)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{8,12}")
        .source("eBay: OAuth credentials", "https://developer.ebay.com/api-docs/static/oauth-credentials.html")
        .examples("«PRD-%{hex:12}-%{hex:4}-%{hex:4}-%{hex:4}-%{hex:4}»", "the prefix PRD-"),
    token("canva_secret", &["cnvca"], "cnvca[A-Za-z0-9_-]{40,}")
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
    token("proof_key", &["prf_"], "prf_(?:cli_)?[A-Za-z0-9_-]{18,}")
        .source("Proof: API keys", "https://dev.proof.com")
        .check(Check::Random)
        .examples("«prf_%{b62:40}»", "the prefix prf_"),
    token("dropbox_token", &["sl."], r"sl\.(?:u\.|B)?[A-Za-z0-9_=-]{100,}")
        .source("Dropbox: OAuth guide", "https://developers.dropbox.com/oauth-guide")
        .examples("«sl.B%{b64url:134}»", "the prefix sl."),
    token("notify_key", &["gcntfy-"], "gcntfy-[a-z0-9_]{2,60}-[0-9a-f-]{36}-[0-9a-f-]{36}")
        .source("GC Notify: API keys", "https://documentation.notification.canada.ca/en/keys.html")
        .examples("«gcntfy-team_key-%{uuid}-%{uuid}»", "the prefix gcntfy-"),
    token("ubidots_token", &["BBFF-", "BBUS-"], "BB(?:FF|US)-[A-Za-z0-9]{30,}")
        .source("Ubidots: tokens", "https://docs.ubidots.com/reference/authentication")
        .examples("«BBFF-%{b62:30}»", "the prefix BBFF-"),
    token("lark_token", &["t-", "u-"], "[tu]-[A-Za-z0-9_.-]{40,43}")
        .source("Lark: access tokens", "https://open.larksuite.com/document/server-docs/getting-started/api-access-token")
        .check(Check::Random)
        .examples("«u-%{b62:42}»", "the prefix t-"),
    token("discord_mfa_token", &["mfa."], r"mfa\.[A-Za-z0-9_-]{84}")
        .source("Discord: authentication", "https://discord.com/developers/docs/reference#authentication")
        .examples("«mfa.%{b64url:84}»", "the prefix mfa."),
    token("gitbook_token", &["gb_api_"], "gb_api_[A-Za-z0-9]{32,}")
        .source("GitBook: API tokens", "https://gitbook.com/docs/developers/gitbook-api/authentication")
        .examples("«gb_api_%{b62:40}»", "the prefix gb_api_"),
    token("deepl_key", &[":fx"], "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:fx")
        .prefix(Prefix::Bytes(36))
        .source("DeepL: authentication", "https://developers.deepl.com/docs/getting-started/auth")
        .examples("«%{uuid}:fx»", "the prefix :fx"),
    token("cfx_key", &["cfxk_"], "cfxk_[A-Za-z0-9]{16,}_[A-Za-z0-9]{4,8}")
        .source("Cfx.re: server keys", "https://docs.fivem.net/docs/server-manual/setting-up-a-server-vanilla/")
        .check(Check::Random)
        .examples("«cfxk_%{b62:20}_%{b62:5}»", "the prefix cfxk_"),
    token("lnd_macaroon", &["0201036c6e64"], "0201036c6e64[0-9a-f]{60,}")
        .source("LND: macaroons", "https://docs.lightning.engineering/lightning-network-tools/lnd/macaroons")
        .examples("«0201036c6e64%{hex:200}»", "the prefix 0201036c6e64"),
    token("roblox_cookie", &["WARNING:-DO-NOT-SHARE"], r"WARNING:-DO-NOT-SHARE-THIS[A-Za-z0-9.,-]{10,200}\|_(?P<secret>[0-9A-Za-z_.-]{100,})")
        .boundary(Boundary::Anything)
        .source("Roblox: cookies", "https://create.roblox.com/docs/cloud/auth")
        .examples("_|WARNING:-DO-NOT-SHARE-THIS.--Sharing-this|_«%{HEX:600}»", "the prefix WARNING:-DO-NOT-SHARE"),
    token("modrinth_token", &["mrp_", "mra_"], "mr[pa]_[A-Za-z0-9]{44,}")
        .source("Modrinth: personal access tokens", "https://docs.modrinth.com/api/")
        .examples("«mrp_%{b62:60}»", "the prefix mrp_"),
    token("riot_key", &["RGAPI-"], "RGAPI-[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
        .source("Riot Games: API keys", "https://developer.riotgames.com/docs/portal")
        .examples("«RGAPI-%{uuid}»", "the prefix RGAPI-"),
    token("paypal_token", &["A21AA"], "A21AA[A-Za-z0-9_-]{60,}")
        .source("PayPal: access tokens", "https://developer.paypal.com/api/rest/authentication/")
        .examples("«A21AA%{b64url:92}»", "the prefix A21AA"),
    token("adyen_key", &["AQE"], r"AQE[A-Za-z][A-Za-z0-9+/]{40,}={0,2}-[A-Za-z0-9+/]{30,}={0,2}(?:-[!-~&&[^\x22'`\\,]]{8,24})?")
        .source("Adyen: API credentials", "https://docs.adyen.com/development-resources/api-credentials/")
        .examples("«AQEyhmfx%{b62:90}==-%{b62:43}=-%{strong:16}»", "the prefix AQE"),
    token("mollie_token", &["access_"], "access_[A-Za-z0-9]{32,}")
        .source("Mollie: access tokens", "https://docs.mollie.com/reference/authentication")
        .check(Check::Random)
        .examples("«access_%{b62:40}»", "the prefix access_"),
    token("gocardless_token", &["sandbox_"], "sandbox_[A-Za-z0-9_-]{35,}")
        .source("GoCardless: access tokens", "https://developer.gocardless.com/api-reference/")
        .check(Check::Random)
        .examples("«sandbox_%{b64url:40}»", "the prefix sandbox_"),
    token("alchemy_token", &["alcht_"], "alcht_[A-Za-z0-9]{25,}")
        .source("Alchemy: API keys", "https://www.alchemy.com/docs")
        .examples("«alcht_%{b62:30}»", "the prefix alcht_"),
    token("intercom_token", &["dG9rO"], "dG9rO[A-Za-z0-9+/]{45,}={0,2}")
        .source("Intercom: access tokens", "https://developers.intercom.com/docs/build-an-integration/learn-more/authentication")
        .examples("«dG9rO%{b62:54}=»", "the prefix dG9rO"),
    token("salesforce_token", &["5Aep"], "5Aep[A-Za-z0-9._]{60,}")
        .source("Salesforce: refresh tokens", "https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_refresh_token_flow.htm")
        .examples("«5Aep861%{b62:80}»", "the prefix 5Aep"),
    token("salesforce_key", &["3MVG9"], "3MVG9[A-Za-z0-9._]{60,}")
        .source("Salesforce: connected apps", "https://help.salesforce.com/s/articleView?id=sf.connected_app_overview.htm")
        .examples("«3MVG9%{b62:80}»", "the prefix 3MVG9"),
    token("shopify_token", &["shptka_", "shprt_", "shpua_", "shpit_", "shpci_", "shppat_"], "shp(?:tka|rt|ua|it|ci|pat)_[0-9A-Za-z]{28,}")
        .source("Shopify: access tokens", "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens")
        .examples("«shpua_%{hex:32}»", "the prefix shptka_"),
    token("ebay_token", &["v^1.1#"], r"v\^1\.1#[A-Za-z0-9+/=^#_%.-]{80,}")
        .source("eBay: OAuth tokens", "https://developer.ebay.com/api-docs/static/oauth-tokens.html")
        .examples("«v^1.1#i^1#f^0#r^0#p^3#I^3#t^%{b62:200}==»", "the prefix v^1.1#"),
    token("amazon_secret", &["amzn1.oa2-cs.v1."], r"amzn1\.oa2-cs\.v1\.[0-9a-f]{64}")
        .source("Login with Amazon: client secrets", "https://developer.amazon.com/docs/login-with-amazon/register-web.html")
        .examples("«amzn1.oa2-cs.v1.%{hex:64}»", "the prefix amzn1.oa2-cs.v1."),
    token("amazon_token", &["Atzr|", "Atza|", "Atc|"], r"At(?:zr|za|c)\|[A-Za-z0-9_+/=-]{60,}")
        .source("Login with Amazon: tokens", "https://developer.amazon.com/docs/login-with-amazon/refresh-token.html")
        .examples("«Atzr|IwEB%{b62:300}»", "the prefix Atzr|"),
    token("linkedin_secret", &["WPL_AP"], r"WPL_AP[0-9]\.[A-Za-z0-9]{12,20}\.[A-Za-z0-9+/]{6,16}={0,2}")
        .source("LinkedIn: client secrets", "https://learn.microsoft.com/linkedin/shared/authentication/client-credentials-flow")
        .examples("«WPL_AP1.%{b62:16}.%{b62:8}==»", "the prefix WPL_AP"),
    token("mercadopago_token", &["APP_USR-", "TEST-"], "(?:APP_USR|TEST)-[0-9]{10,20}-[0-9]{6}-[0-9a-f]{32}-[0-9]{5,12}")
        .source("Mercado Pago: credentials", "https://www.mercadopago.com/developers/en/docs/your-integrations/credentials")
        .examples("«APP_USR-%{digit:16}-%{digit:6}-%{hex:32}-%{digit:9}»", "the prefix APP_USR-"),
    token("revolut_token", &["oa_prod_", "oa_sand_"], "oa_(?:prod|sand)_[A-Za-z0-9_-]{27,}")
        .source("Revolut: access tokens", "https://developer.revolut.com/docs/business/business-api")
        .examples("«oa_prod_%{b64url:43}»", "the prefix oa_prod_"),
    token("klarna_key", &["klarna_"], "klarna_(?:live|test)_api_[A-Za-z0-9._-]{35,}={0,2}")
        .source("Klarna: API keys", "https://docs.klarna.com/api/authentication/")
        .examples("«klarna_live_api_%{b62:120}»", "the prefix klarna_"),
    token("sumup_key", &["sup_"], "sup_(?:sk|pk|at|af)_[A-Za-z0-9]{21,}")
        .source("SumUp: API keys", "https://developer.sumup.com/api/authentication")
        .examples("«sup_sk_%{b62:32}»", "the prefix sup_"),
    token("omise_key", &["skey_", "pkey_"], "[sp]key_(?:test_)?[a-z0-9]{14,}")
        .source("Omise: API keys", "https://docs.opn.ooo/authentication")
        .check(Check::Random)
        .examples("«skey_test_%{b36:19}»", "the prefix skey_"),
    token("khalti_key", &["live_secret_key_", "test_secret_key_"], "(?:live|test)_secret_key_[0-9a-f]{32}")
        .source("Khalti: keys", "https://docs.khalti.com")
        .examples("«live_secret_key_%{hex:32}»", "the prefix live_secret_key_"),
    token("cashfree_key", &["cfsk_"], "cfsk_ma_(?:prod|test)_[0-9a-f]{32}_[0-9a-f]{8}")
        .source("Cashfree: API keys", "https://www.cashfree.com/docs/api-reference/authentication")
        .examples("«cfsk_ma_prod_%{hex:32}_%{hex:8}»", "the prefix cfsk_"),
    token("brex_token", &["bxt_"], "bxt_[A-Za-z0-9]{32,}")
        .source("Brex: user tokens", "https://developer.brex.com/docs/authentication/")
        .examples("«bxt_%{b62:40}»", "the prefix bxt_"),
    token("middesk_key", &["mk_live_", "mk_test_"], "mk_(?:live|test)_[0-9A-Za-z]{18,}")
        .source("Middesk: API keys", "https://docs.middesk.com")
        .examples("«mk_live_%{hex:24}»", "the prefix mk_live_"),
    token("sumsub_token", &["sbx:", "prd:"], r"(?:sbx|prd):[A-Za-z0-9]{20,28}\.[A-Za-z0-9]{25,}")
        .source("Sumsub: app tokens", "https://docs.sumsub.com/reference/authentication")
        .examples("«prd:%{b62:24}.%{b62:32}»", "the prefix sbx:"),
    token("radar_key", &["prj_live_sk_", "prj_test_sk_"], "prj_(?:live|test)_sk_[0-9a-f]{32,}")
        .source("Radar: API keys", "https://radar.com/documentation/api")
        .examples("«prj_live_sk_%{hex:40}»", "the prefix prj_live_sk_"),
    token("kit_key", &["kit_"], "kit_[0-9a-f]{27,}")
        .source("Kit: API keys", "https://developers.kit.com/api-reference/overview")
        .examples("«kit_%{hex:32}»", "the prefix kit_"),
    token("mandrill_key", &["md-"], "md-[A-Za-z0-9_-]{22}")
        .source("Mailchimp Transactional: API keys", "https://mailchimp.com/developer/transactional/guides/quick-start/")
        .check(Check::Random)
        .examples("«md-%{b64url:22}»", "the prefix md-"),
    token("mailgun_key", &["pubkey-"], "pubkey-[0-9a-f]{32}")
        .source("Mailgun: API keys", "https://documentation.mailgun.com/docs/mailgun/user-manual/get-started/")
        .examples("«pubkey-%{hex:32}»", "the prefix pubkey-"),
    token("calcom_key", &["cal_"], "cal_(?:live_)?[A-Za-z0-9]{32}")
        .check(Check::Random)
        .source("Cal.com: API keys", "https://cal.com/docs/api-reference/v2/introduction")
        .examples("«cal_live_%{hex:32}»", "the prefix cal_"),
    token("close_key", &["api_"], r"api_[A-Za-z0-9]{20,24}\.[A-Za-z0-9]{18,}")
        .source("Close: API keys", "https://developer.close.com/topics/authentication/")
        .examples("«api_%{b62:22}.%{b62:22}»", "the prefix api_"),
    token("salesloft_key", &["v2_ak_"], "v2_ak_[0-9]{1,10}_[0-9a-f]{53,}")
        .source("Salesloft: API keys", "https://developers.salesloft.com/docs/platform/api-basics/api-key-authentication/")
        .examples("«v2_ak_%{digit:4}_%{hex:64}»", "the prefix v2_ak_"),
    token("tally_key", &["tly-"], "tly-[A-Za-z0-9]{25,}")
        .source("Tally: API keys", "https://developers.tally.so")
        .examples("«tly-%{b62:32}»", "the prefix tly-"),
    token("instagram_token", &["IGQ"], "IGQ[A-Za-z0-9_-]{80,}")
        .source("Instagram: access tokens", "https://developers.facebook.com/docs/instagram-platform")
        .examples("«IGQVJ%{b62:150}»", "the prefix IGQ"),
    token("facebook_token", &["|"], r"[0-9]{15,17}\|[A-Za-z0-9_-]{27}")
        .token_chars(27)
        .prefix(Prefix::Digits { min: 15, max: 17 })
        .source("Meta: app access tokens", "https://developers.facebook.com/docs/facebook-login/guides/access-tokens/")
        .examples("«%{digit:16}|%{b64url:27}»", "the prefix |"),
    token("oculus_token", &["OC|"], r"OC\|[0-9]{15,17}\|[A-Za-z0-9_-]{27,40}")
        .token_chars(15)
        .source("Meta Horizon: access tokens", "https://developers.meta.com/horizon/documentation/unity/ps-s2s-basics/")
        .examples("«OC|%{digit:16}|%{hex:32}»", "the prefix OC|"),
    token("mapillary_token", &["MLY|"], r"MLY\|[0-9]{10,20}\|[0-9a-f]{32}")
        .source("Mapillary: client tokens", "https://www.mapillary.com/developer/api-documentation")
        .examples("«MLY|%{digit:16}|%{hex:32}»", "the prefix MLY|"),
    token("sanctum_token", &["|"], r"[0-9]{1,8}\|[A-Za-z0-9]{48}")
        .token_chars(48)
        .prefix(Prefix::Digits { min: 1, max: 8 })
        .source("Laravel Sanctum: API tokens", "https://laravel.com/docs/sanctum")
        .check(Check::Random)
        .examples("«%{digit:2}|%{b62:48}»", "the prefix |"),
    token("locationiq_key", &["pk."], r"pk\.[0-9a-f]{32}")
        .source("LocationIQ: access tokens", "https://docs.locationiq.com/docs/authentication-and-usage-limits")
        .examples("«pk.%{hex:32}»", "the prefix pk."),
    token("blockfrost_key", &["mainnet", "preprod", "preview", "ipfs"], "(?:mainnet|preprod|preview|ipfs)[A-Za-z0-9]{32}")
        .source("Blockfrost: project ids", "https://docs.blockfrost.io")
        .check(Check::Random)
        .examples("«mainnet%{b62:32}»", "the prefix mainnet"),
    token("dynamic_token", &["dyn_"], "dyn_[A-Za-z0-9]{44,}")
        .source("Dynamic: API tokens", "https://www.dynamic.xyz/docs")
        .examples("«dyn_%{b62:56}»", "the prefix dyn_"),
    token("bitgo_token", &["v2x"], "v2x[0-9a-f]{60,70}")
        .source("BitGo: access tokens", "https://developers.bitgo.com/guides/get-started/access-tokens")
        .examples("«v2x%{hex:64}»", "the prefix v2x"),
    token("circle_key", &["TEST_API_KEY:", "LIVE_API_KEY:", "SAND_API_KEY:"], "(?:TEST|LIVE|SAND)_API_KEY:[0-9a-f]{32}:[0-9a-f]{32}")
        .source("Circle: API keys", "https://developers.circle.com/api-reference/keys")
        .examples("«TEST_API_KEY:%{hex:32}:%{hex:32}»", "the prefix TEST_API_KEY:"),
    token("sindri_key", &["sindri_"], "sindri_[A-Za-z0-9]{25,}")
        .source("Sindri: API keys", "https://sindri.app/docs")
        .examples("«sindri_%{b62:32}»", "the prefix sindri_"),
    token("adapty_key", &["secret_live_", "secret_test_"], "secret_(?:live|test)_[A-Za-z0-9.]{18,}")
        .source("Adapty: API keys", "https://adapty.io/docs/getting-started-with-server-side-api")
        .examples("«secret_live_%{b62:32}»", "the prefix secret_live_"),
    token("pubnub_key", &["sec-c-"], "sec-c-[A-Za-z0-9+/]{35,}={0,2}")
        .source("PubNub: keys", "https://www.pubnub.com/docs/general/setup/account-setup")
        .examples("«sec-c-%{b62:48}»", "the prefix sec-c-"),
    token("svix_token", &["testsk_", "svix_"], "(?:testsk|svix)_[A-Za-z0-9._-]{25,}")
        .source("Svix: authentication", "https://docs.svix.com/")
        .check(Check::Random)
        .examples("«testsk_%{b62:32}.eu»", "the prefix testsk_"),
    token("zapier_webhook", &["hooks.zapier.com"], r"hooks\.zapier\.com/hooks/(?:catch|standard)/[0-9]{4,12}/(?P<secret>[A-Za-z0-9]{5,12})")
        .source("Zapier: webhooks", "https://help.zapier.com/hc/en-us/articles/8496288690317-Trigger-Zap-workflows-from-webhooks")
        .examples("https://hooks.zapier.com/hooks/catch/%{digit:7}/«%{b36:7}»/", "the prefix hooks.zapier.com"),
    token("ifttt_key", &["maker.ifttt.com"], r"maker\.ifttt\.com/[A-Za-z0-9_./-]{1,100}/key/(?P<secret>[A-Za-z0-9_-]{20,60})")
        .source("IFTTT: webhooks", "https://help.ifttt.com/hc/en-us/articles/115010230347-Webhooks-service-FAQ")
        .examples("https://maker.ifttt.com/trigger/x/with/key/«%{b64url:43}»", "the prefix maker.ifttt.com"),
    token("twp_token", &["twp_"], "twp_[A-Za-z0-9]{21,}")
        .source("Teamwork: API keys", "https://apidocs.teamwork.com")
        .examples("«twp_%{b62:40}»", "the prefix twp_"),
    token("retool_token", &["retool_01"], "retool_01[a-z0-9]{18,}")
        .source("Retool: access tokens", "https://docs.retool.com/org-users/guides/retool-api")
        .examples("«retool_01%{b36:26}»", "the prefix retool_01"),
    token("plain_key", &["plainApiKey_"], "plainApiKey_[A-Za-z0-9_-]{35,}")
        .source("Plain: API keys", "https://www.plain.com/docs/api-reference/graphql")
        .examples("«plainApiKey_%{b62:64}»", "the prefix plainApiKey_"),
    token("trello_token", &["ATTA"], "ATTA[0-9a-fA-F]{64}[0-9A-Fa-f]{0,16}")
        .source("Trello: tokens", "https://developer.atlassian.com/cloud/trello/guides/rest-api/authorization/")
        .examples("«ATTA%{hex:64}%{HEX:8}»", "the prefix ATTA"),
    token("notion_token", &["secret_"], "secret_[A-Za-z0-9]{43}")
        .source("Notion: authentication", "https://developers.notion.com/reference/authentication")
        .examples("«secret_%{b62:43}»", "the prefix secret_"),
    token("postgrid_key", &["live_sk_", "test_sk_"], "(?:live|test)_sk_[A-Za-z0-9]{18,}")
        .source("PostGrid: API keys", "https://docs.postgrid.com")
        .examples("«live_sk_%{b62:22}»", "the prefix live_sk_"),
    token("secret_key", &["sk_"], "sk_(?:[a-z]{2,12}_){0,3}[A-Za-z0-9]{24,}")
        .source("RevenueCat: API keys", "https://www.revenuecat.com/docs/projects/authentication")
        .check(Check::Random)
        .examples("«sk_%{b62:28}»", "the prefix sk_"),
    token("crypto_key", &["ed25519_sk1", "ed25519e_sk1", "root_xsk1", "acct_xsk1", "addr_xsk1", "root_shared_xsk1"], "(?:ed25519e?_sk|[a-z_]{4,12}_xsk)1[a-z0-9]{50,}")
        .source("Cardano: key encodings", "https://cips.cardano.org/cip/CIP-0005")
        .examples("«ed25519_sk1%{b36:58}»", "the prefix ed25519_sk1"),
    token("crypto_key", &["ed25519:"], "ed25519:(?P<secret>[1-9A-Za-z]{80,90})")
        .source("NEAR: access keys", "https://docs.near.org/protocol/access-keys")
        .examples("ed25519:«%{letter:88}»", "the prefix ed25519:"),
    token("crypto_key", &["edsk", "edesk"], "ede?sk[1-9A-Za-z]{44,}")
        .source("Tezos: keys", "https://octez.tezos.com/docs/user/key-management.html")
        .examples("«edsk%{letter:50}»", "the prefix edsk"),
    token("plaid_token", &["public-sandbox-", "public-production-", "link-sandbox-", "link-production-"], "(?:public|link)-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("Plaid: tokens", "https://plaid.com/docs/api/tokens/")
        .examples("«public-sandbox-%{uuid}»", "the prefix public-sandbox-"),
    token("crossmint_key", &["ck_production_", "ck_staging_", "ck_development_"], "ck_(?:production|staging|development)_[A-Za-z0-9]{28,}")
        .source("Crossmint: API keys", "https://docs.crossmint.com/introduction/platform/api-keys/overview")
        .check(Check::Random)
        .examples("«ck_production_%{b62:60}»", "the prefix ck_production_"),
    token("heartland_key", &["skapi_"], "skapi_(?:cert|prod)_[A-Za-z0-9]{28,}")
        .source("Global Payments: API keys", "https://developer.globalpayments.com/heartland")
        .examples("«skapi_cert_%{b62:35}»", "the prefix skapi_"),
    token("mappedin_key", &["mik_", "mis_"], "mi[ks]_[A-Za-z0-9]{24,}")
        .source("Mappedin: API keys", "https://developer.mappedin.com/docs/demo-keys-and-maps")
        .check(Check::Random)
        .examples("«mik_%{b62:26}»", "the prefix mik_"),
    token("fleetbase_key", &["flb_live_", "flb_test_"], "flb_(?:live|test)_[A-Za-z0-9]{18,}")
        .source("Fleetbase: API keys", "https://docs.fleetbase.io")
        .examples("«flb_live_%{b62:20}»", "the prefix flb_live_"),
    token("ramp_token", &["ramp_business_tok_", "ramp_tok_"], "ramp_(?:business_)?tok_[A-Za-z0-9]{36,}")
        .source("Ramp: authorization", "https://docs.ramp.com/developer-api/v1/authorization")
        .examples("«ramp_business_tok_%{b62:44}»", "the prefix ramp_business_tok_"),
    token("seam_key", &["seam_"], "seam_(?:apikey[0-9]_)?[A-Za-z0-9]{8,16}_[A-Za-z0-9]{24,}")
        .source("Seam: API keys", "https://docs.seam.co/latest/core-concepts/authentication/api-keys")
        .examples("«seam_test2bMS_%{b62:30}»", "the prefix seam_"),
    token("trendmicro_key", &["tmc1"], "tmc1[A-Za-z0-9]{26,32}:[A-Za-z0-9]{60,}")
        .source("Trend Cloud One: API keys", "https://cloudone.trendmicro.com/docs/identity-and-account-management/c1-api-key/")
        .examples("«tmc1%{b62:28}:%{b62:64}»", "the prefix tmc1"),
    token("wepay_token", &["STAGE_", "PRODUCTION_"], "(?:STAGE|PRODUCTION)_[0-9a-f]{64}")
        .boundary(Boundary::NoPath)
        .source("WePay: OAuth 2.0", "https://dev.wepay.com/docs/articles/basics/authentication")
        .examples("«PRODUCTION_%{hex:64}»", "the prefix STAGE_"),
    token("emailoctopus_key", &["eo_"], "eo_[0-9a-f]{64}")
        .source("EmailOctopus: API keys", "https://emailoctopus.com/api-documentation/v2")
        .examples("«eo_%{hex:64}»", "the prefix eo_"),
    token("imagekit_key", &["private_"], "private_[A-Za-z0-9+/]{26,28}={1,2}")
        .source("ImageKit: API keys", "https://imagekit.io/docs/api-keys")
        .examples("«private_%{b62:27}=»", "private_key = x"),
    token("moneywave_key", &["ts_"], "ts_[A-Z0-9]{28}")
        .source("Moneywave: keys", "https://moneywave-doc.herokuapp.com")
        .check(Check::Random)
        .examples("«ts_%{B36:28}»", "the prefix ts_"),
    token("stripe_secret", &["_secret_"], "_secret_(?P<secret>[A-Za-z0-9]{24,32})")
        .boundary(Boundary::Anything)
        .source("Stripe: client secrets", "https://docs.stripe.com/api/payment_intents/object")
        .check(Check::Random)
        .examples("pi_%{b62:24}_secret_«%{b62:25}»", "my_secret_value"),
    token("tiktok_token", &["act.", "rft.", "clt."], r"(?:act|rft|clt)\.[A-Za-z0-9!*_-]{40,}")
        .source("TikTok: access tokens", "https://developers.tiktok.com/doc/oauth-user-access-token-management")
        .check(Check::Random)
        .examples("«act.%{b62:60}»", "the prefix act."),
    token("remote_token", &["ra_live_", "ra_test_"], "ra_(?:live|test)_[A-Za-z0-9_-]{24,}")
        .source("Remote: API tokens", "https://developer.remote.com/docs/auth-and-authorization")
        .examples("«ra_live_%{b62:40}»", "the prefix ra_live_"),
    token("pinterest_token", &["pinr_", "pinc_"], "pin[rc][_.][A-Za-z0-9._-]{40,}")
        .source("Pinterest: authentication", "https://developers.pinterest.com/docs/getting-started/set-up-authentication-and-authorization/")
        .examples("«pinr_%{b62:60}»", "the prefix pinr_"),
    token("checkout_key", &["sk_test_", "sk_live_"], "sk_(?:test|live)_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:-[A-Za-z0-9]{10,40})?")
        .source("Checkout.com: API keys", "https://www.checkout.com/docs/developer-resources/api/manage-api-keys")
        .examples("«sk_test_%{uuid}»", "the prefix sk_test_"),
    token("shipengine_key", &["TEST_"], "TEST_[A-Za-z0-9+/]{43}")
        .source("ShipEngine: API keys", "https://www.shipengine.com/docs/auth/")
        .check(Check::Random)
        .examples("«TEST_%{b62:43}»", "the prefix TEST_"),
    token("tatum_key", &["t-"], "t-[0-9a-f]{24}-[0-9a-f]{24}")
        .source("Tatum: API keys", "https://docs.tatum.io/docs/authentication")
        .examples("«t-%{hex:24}-%{hex:24}»", "the prefix t-"),
    token("crypto_key", &["5H", "5J", "5K", "Kw", "Kx", "Ky", "Kz", "L1", "L2", "L3", "L4", "L5"], "(?:5[HJK][1-9A-Za-z]{49}|[KL][1-9A-Za-z]{51})")
        .boundary(Boundary::NoName)
        .source("Bitcoin: wallet import format", "https://en.bitcoin.it/wiki/Wallet_import_format")
        .check(Check::Unworded)
        .examples("«Kx7%{letter:3}9%{letter:2}3k%{letter:4}%{digit:1}%{digit:1}Q%{letter:34}»", "5K and L2"),
    token("crypto_key", &["SA", "SB", "SC", "SD"], "S[A-D][A-Z2-7]{54}")
        .boundary(Boundary::NoName)
        .source("Stellar: SEP 23, strkeys", "https://github.com/stellar/stellar-protocol/blob/master/ecosystem/sep-0023.md")
        .check(Check::Random)
        .examples("«SA%{b32:54}»", "SA and SB"),
    token("crypto_key", &["suiprivkey1", "iotaprivkey1"], "(?:sui|iota)privkey1[a-z0-9]{50,}")
        .source("Sui: SIP 15, private keys", "https://github.com/sui-foundation/sips/blob/main/sips/sip-15.md")
        .examples("«suiprivkey1%{b36:59}»", "the prefix suiprivkey1"),
    token("crypto_key", &["ed25519-priv-0x", "secp256k1-priv-0x"], "(?:ed25519|secp256k1)-priv-0x[0-9a-f]{53,}")
        .source("Aptos: AIP 80, private keys", "https://github.com/aptos-foundation/AIPs/blob/main/aips/aip-80.md")
        .examples("«ed25519-priv-0x%{hex:64}»", "the prefix ed25519-priv-0x"),
    token("crypto_key", &["secret-extended-key-"], "secret-extended-key-(?:main|test)1[a-z0-9]{100,}")
        .source("Zcash: ZIP 32, extended spending keys", "https://zips.z.cash/zip-0032")
        .examples("«secret-extended-key-main1%{b36:250}»", "the prefix secret-extended-key-"),
    token("coveo_key", &["xx"], "xx[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .source("Coveo: API keys", "https://docs.coveo.com/en/1718/")
        .examples("«xx%{uuid}»", "the letters xx"),
    token("fullstory_key", &["na1.", "eu1."], r"(?:na1|eu1)\.[A-Za-z0-9+/]{60,}={0,2}")
        .source("FullStory: API keys", "https://developer.fullstory.com/server/authentication/")
        .examples("«na1.%{b62:80}»", "the prefix na1."),
    token("hubspot_token", &["CiRuYTE", "CiRldTE"], "CiR(?:uYTE|ldTE)[A-Za-z0-9_-]{60,}={0,2}")
        .source("HubSpot: personal access keys", "https://developers.hubspot.com/docs/guides/cms/personal-access-key")
        .examples("«CiRuYTEt%{b62:110}»", "the prefix CiRuYTE"),
    token("lightspeed_token", &["lsxs_pt_"], "lsxs_pt_[A-Za-z0-9]{32,}")
        .source("Lightspeed: personal tokens", "https://x-series-api.lightspeedhq.com/docs/authorization")
        .examples("«lsxs_pt_%{b62:40}»", "the prefix lsxs_pt_"),
    token("stripe_key", &["ek_live_", "ek_test_", "rk_prod_"], "(?:ek_(?:live|test)|rk_prod)_[A-Za-z0-9]{16,}")
        .source("Stripe: API keys", "https://docs.stripe.com/keys")
        .examples("«ek_live_%{b62:60}»", "the prefix ek_live_"),
    token("shopify_token", &["prtapi_", "atkn_"], r"(?:prtapi_[0-9A-Za-z]{28,}|atkn_[0-9A-Za-z]{1,4}\.[0-9A-Za-z_.-]{40,})")
        .source("Shopify: access tokens", "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens")
        .examples("«prtapi_%{hex:32}»", "the prefix prtapi_"),
    token("plaid_token", &["-sandbox-", "-development-", "-production-"], "[a-z]{3,12}-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
        .prefix(Prefix::Name { max: 12 })
        .boundary(Boundary::NoName)
        .source("Plaid: tokens", "https://plaid.com/docs/api/tokens/")
        .examples("«processor-sandbox-%{uuid}»", "the word -sandbox-"),
];
