//! The server's time on every reply, so that a device whose clock is wrong can learn it.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use domain::Timestamp;
use domain::ports::Clock;
use time::OffsetDateTime;
use tower::util::MapResponseLayer;

/// `Date` as RFC 9110, section 5.6.7 wants it: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn http_date(now: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let t = OffsetDateTime::from_unix_timestamp(now.secs()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (weekday, month) = (DAYS[usize::from(t.weekday().number_days_from_monday())], MONTHS[usize::from(u8::from(t.month())) - 1]);
    let (hour, minute, second) = t.to_hms();
    format!("{weekday}, {:02} {month} {:04} {hour:02}:{minute:02}:{second:02} GMT", t.day(), t.year())
}

/// The same routes; every reply carries `Date` by `clock`.
pub fn with_date(clock: Arc<dyn Clock>, routes: Router) -> Router {
    routes.layer(MapResponseLayer::new(move |mut response: Response| {
        if let Ok(date) = HeaderValue::from_str(&http_date(clock.now())) {
            response.headers_mut().insert(header::DATE, date);
        }
        response
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_form_of_rfc_9110() {
        assert_eq!(http_date(Timestamp::from_secs(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
