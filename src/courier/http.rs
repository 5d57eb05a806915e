//! HTTP, as little of it as the courier needs: GET and POST, within a limit, a time and TLS.

use std::{path::Path, thread::sleep, time::Duration};

use ureq::{
    Agent,
    http::{Uri, header},
    tls::{Certificate, RootCerts, TlsConfig, parse_pem},
};

use super::outcome::Stop;
use crate::{
    fault::{Fault, FaultKind},
    files,
    text::{percent_encoded, shown, shown_up_to},
};

/// The longest piece of metadata that is fetched, in bytes: what a ceremony reads too.
pub const METADATA_BYTES_MAX: u64 = files::limit::METADATA;
/// The longest public key of a server.
pub const KEY_BYTES_MAX: u64 = 256 << 10;
/// The longest answer to anything else: a token, an error.
pub const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// How long is waited before a GET is repeated that failed for a reason that passes.
const AGAIN: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(3)];
/// The longest that a server may ask for a pause.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The address of a server, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(String);

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// What it asks for, where it wants to know who asks.
    pub challenge: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// How long it wants to be left alone.
    retry_after: Option<Duration>,
}

impl Reply {
    /// An answer of this status and body, and nothing else.
    pub fn of(status: u16, body: &[u8]) -> Self {
        Self { status, challenge: None, body: body.to_vec(), retry_after: None }
    }
}

/// A client.
pub struct Http {
    agent: Agent,
    direct: Agent,
    insecure: bool,
}

impl Address {
    /// The address as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, and the port where one is named.
    pub fn authority(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or(rest))
    }
}

impl Http {
    /// A client that trusts the authorities of the file `ca`, or those of web browsers.
    ///
    /// # Errors
    /// Where the file cannot be read or has no certificate.
    pub fn new(ca: Option<&Path>, insecure: bool, timeout: Duration) -> Result<Self, Stop> {
        let roots = match ca {
            None => RootCerts::WebPki,
            Some(path) => authorities(path)?,
        };
        let tls = TlsConfig::builder().root_certs(roots).build();
        let config = || {
            Agent::config_builder()
                .tls_config(tls.clone())
                .http_status_as_error(false)
                // An answer that comes from elsewhere is none; and credentials go to nobody else.
                .max_redirects(0)
                .max_redirects_will_error(false)
                .timeout_global(Some(timeout))
                .timeout_connect(Some(timeout.min(Duration::from_secs(20))))
                .user_agent(concat!("officiant-courier/", env!("CARGO_PKG_VERSION")))
        };
        // Nobody reaches this machine through a proxy.
        let direct = config().proxy(None).build().new_agent();
        Ok(Self { agent: config().build().new_agent(), direct, insecure })
    }

    /// Reads an address: `https`, or `http` to this machine or where it was asked for.
    ///
    /// # Errors
    /// With what is wrong with it and what to do.
    pub fn address(&self, text: &str) -> Result<Address, String> {
        let wrong = |what: &str| Err(format!("\"{}\" is no address of a server: {what}", shown_up_to(text, 200)));
        let Ok(uri) = text.parse::<Uri>() else { return wrong("write it as https://host[:port][/path]") };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return wrong("write it as https://host[:port][/path]");
        };
        if uri.query().is_some() || authority.as_str().contains('@') || text.contains('#') {
            return wrong("it may hold neither credentials nor a question mark; credentials go into NOTARY_AUTH");
        }
        match scheme {
            "https" => {}
            "http" if self.insecure || is_loopback(authority.host()) => {}
            "http" => {
                return wrong(
                    "it is not protected by TLS; use https, or --insecure-http where the way there is protected otherwise",
                );
            }
            _ => return wrong("only https and http are spoken"),
        }
        Ok(Address(text.trim_end_matches('/').to_owned()))
    }

    /// Asks for `url`, and again after a while where the reason for a failure may pass.
    ///
    /// # Errors
    /// A fault where no answer came or it is longer than `limit` bytes.
    pub fn get(&self, url: &str, authorization: Option<&str>, limit: u64) -> Result<Reply, Fault> {
        let mut pauses = AGAIN.into_iter();
        loop {
            let mut request = self.agent(url).get(url);
            if let Some(value) = authorization {
                request = request.header(header::AUTHORIZATION, value);
            }
            let reply = read(&format!("GET {}", shown(url)), request.call(), limit);
            let passes = match &reply {
                Ok(reply) => matches!(reply.status, 429 | 502 | 503 | 504),
                Err(fault) => fault.kind == FaultKind::Other,
            };
            let Some(pause) = pauses.next().filter(|_| passes) else { return reply };
            let asked = reply.ok().and_then(|reply| reply.retry_after);
            sleep(asked.unwrap_or(pause).min(PAUSE_MAX));
        }
    }

    /// Sends `body` to `url`, once.
    ///
    /// # Errors
    /// A fault where no answer came: the server may have done what it was asked, or not.
    pub fn post(
        &self,
        url: &str,
        authorization: Option<&str>,
        content_type: &str,
        body: &[u8],
    ) -> Result<Reply, Fault> {
        let mut request = self.agent(url).post(url).header(header::CONTENT_TYPE, content_type);
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        read(&format!("POST {}", shown(url)), request.send(body), ANSWER_BYTES_MAX)
    }

    fn agent(&self, url: &str) -> &Agent {
        let here = url.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(is_loopback));
        if here { &self.direct } else { &self.agent }
    }
}

fn read(
    doing: &str,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    limit: u64,
) -> Result<Reply, Fault> {
    let fault = |error: ureq::Error| {
        // What may pass is asked again; a certificate that nobody trusts stays what it is.
        let passes = matches!(error, ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed);
        let passes = passes && !error.to_string().contains("certificate");
        let advice =
            if error.to_string().contains("UnknownIssuer") { "; name its certificate authority with --ca" } else { "" };
        let kind = if passes { FaultKind::Other } else { FaultKind::Machine };
        Fault::new(kind, doing, format!("{}{advice}", shown(&error.to_string())))
    };
    let mut answer = answer.map_err(fault)?;
    let header =
        |name: header::HeaderName| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let challenge = header(header::WWW_AUTHENTICATE);
    let retry_after = header(header::RETRY_AFTER).and_then(|text| text.parse().ok()).map(Duration::from_secs);
    if answer.status().is_redirection() {
        let to = header(header::LOCATION).unwrap_or_default();
        return Err(Fault::machine(doing, format!("the server sends elsewhere, to {}; name that address", shown(&to))));
    }
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(limit).read_to_vec().map_err(fault)?;
    Ok(Reply { status, challenge, body, retry_after })
}

fn authorities(path: &Path) -> Result<RootCerts, Stop> {
    let pem = files::read(path, files::limit::ANSWERS)?;
    let mut found: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(ureq::tls::PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(Stop::Usage(format!("{}: {error}", files::name(path)))),
        }
    }
    if found.is_empty() {
        return Err(Stop::Usage(format!(
            "{}: there is no certificate in it (-----BEGIN CERTIFICATE-----)",
            files::name(path)
        )));
    }
    Ok(RootCerts::new_with_certs(&found))
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `text` as part of a path: every byte but letters, digits and `-._~/:` is `%` and two digits.
pub fn path_encoded(text: &str) -> String {
    percent_encoded(text, b"-._~/:")
}

/// `text` as a value of a query.
pub fn query_encoded(text: &str) -> String {
    percent_encoded(text, b"-._~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_this_machine_is_spoken_to() {
        let http = |insecure| Http::new(None, insecure, Duration::from_secs(1)).expect("a client");
        for good in [
            "https://a.example",
            "https://a.example:4443/x/",
            "http://127.0.0.1:1",
            "http://localhost/x",
            "http://[::1]:80",
        ] {
            assert!(http(false).address(good).is_ok(), "{good}");
        }
        for bad in [
            "a.example",
            "ftp://a.example",
            "http://a.example",
            "http://127.0.0.1.example",
            "https://u:p@a.example",
            "https://a.example/?x=1",
            "https://a.example/#x",
            "https://",
            "",
        ] {
            assert!(http(false).address(bad).is_err(), "{bad}");
        }
        let address = http(true).address("http://a.example:80/x/").expect("it was asked for");
        assert_eq!((address.as_str(), address.authority()), ("http://a.example:80/x", "a.example:80"));
    }

    #[test]
    fn names_become_parts_of_addresses() {
        assert_eq!(path_encoded("localhost:5000/a b/ü%?"), "localhost:5000/a%20b/%C3%BC%25%3F");
        assert_eq!(query_encoded("repository:a/b:push,pull"), "repository%3Aa%2Fb%3Apush%2Cpull");
    }
}
