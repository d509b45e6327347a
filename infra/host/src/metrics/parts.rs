//! The numbers of the parts that do not expose themselves.

use domain::credential::KeyCounters;
use domain::status::StatusBook;
use protocol::exposition::Exposition;
use token_exchange::Counters as TokenCounters;

use crate::serve::HttpCounters;

pub(super) fn process(exposition: &mut Exposition) {
    let version = [([env!("CARGO_PKG_VERSION")], 1)];
    exposition.gauges("drawbridge_build_info", "Which version runs.", ["version"], version);
}

pub(super) fn http(counters: &HttpCounters, exposition: &mut Exposition) {
    let HttpCounters { silent, full } = *counters;
    exposition.counter("drawbridge_http_silent", "HTTP connections closed because their first request did not come in time.", silent);
    exposition.counter(
        "drawbridge_http_full",
        "Times that an HTTP connection, or a request over HTTP/2, waited because there were too many.",
        full,
    );
}

pub(super) fn tokens(counters: &TokenCounters, exposition: &mut Exposition) {
    let TokenCounters { hits, fetched, joined, served_on, evicted, turned_away } = *counters;
    for (name, help, value) in [
        ("hits", "Access tokens answered from the cache.", hits),
        ("fetched", "Access tokens that the issuer was asked for.", fetched),
        ("joined", "Requests that waited for another request's token.", joined),
        ("served_on", "Access tokens served on although due, because the issuer could not answer.", served_on),
        ("evicted", "Access tokens dropped because the cache was full.", evicted),
        ("turned_away", "Requests told to come back, because as many fetches as allowed were under way.", turned_away),
    ] {
        exposition.counter(&format!("drawbridge_tokens_{name}"), help, value);
    }
}

pub(super) fn keys(counters: &KeyCounters, exposition: &mut Exposition) {
    let KeyCounters { hits, read, evicted } = *counters;
    exposition.counter("drawbridge_keys_hits", "Public keys of devices found ready.", hits);
    exposition.counter("drawbridge_keys_read", "Public keys of devices read from a PEM.", read);
    exposition.counter("drawbridge_keys_evicted", "Public keys of devices dropped because there were too many.", evicted);
}

pub(super) fn statuses(book: &StatusBook, exposition: &mut Exposition) {
    const HELP: &str = "Times that the memory of last-seen writes was full and emptied.";
    exposition.counter("drawbridge_statuses_forgotten", HELP, book.forgotten());
}
