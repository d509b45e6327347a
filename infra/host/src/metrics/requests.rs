//! Answers of each function, by code.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use protocol::exposition::Exposition;

use crate::mount::Function;

/// The caller went away before the answer; what nginx writes for it.
const CLIENT_GONE: u16 = 499;
/// The function panicked, which the caller gets to see as this.
const PANICKED: u16 = 500;

/// How many answers each function gave, by status code. Bound: the codes there are.
#[derive(Debug, Default)]
pub struct Requests {
    answers: Mutex<BTreeMap<(&'static str, u16), u64>>,
}

impl Requests {
    /// `routes` of `function`, counted. Requests that no route of it takes are not its own and are not counted.
    pub(crate) fn counted(self: &Arc<Self>, function: Function, routes: Router) -> Router {
        if !routes.has_routes() {
            return routes;
        }
        let requests = self.clone();
        routes.route_layer(from_fn(move |request: Request, next: Next| {
            let counted = Counted { requests: requests.clone(), function: function.name(), code: None };
            async move {
                let response: Response = next.run(request).await;
                counted.end(response.status().as_u16());
                response
            }
        }))
    }

    /// A call that was refused before it was a request of `function`.
    pub(crate) fn refused(&self, function: Function, code: u16) {
        self.one(function.name(), code);
    }

    fn one(&self, function: &'static str, code: u16) {
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry((function, code)).or_default() += 1;
    }

    pub(super) fn expose(&self, exposition: &mut Exposition) {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let values: Vec<_> = answers.into_iter().map(|((function, code), n)| (function, code.to_string(), n)).collect();
        let values = values.iter().map(|(function, code, n)| ([*function, code.as_str()], n));
        const HELP: &str = "Requests that each function answered, by status code.";
        exposition.counters_by("drawbridge_requests_total", HELP, ["function", "code"], values);
    }
}

/// Counts when it goes, whichever way the request ended.
struct Counted {
    requests: Arc<Requests>,
    function: &'static str,
    code: Option<u16>,
}

impl Counted {
    fn end(mut self, code: u16) {
        self.code = Some(code);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let otherwise = if std::thread::panicking() { PANICKED } else { CLIENT_GONE };
        self.requests.one(self.function, self.code.unwrap_or(otherwise));
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use std::time::Duration;
    use tower::ServiceExt as _;

    use super::*;

    async fn get_of(app: &Router, path: &str) -> u16 {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap().status().as_u16()
    }

    fn app(requests: &Arc<Requests>) -> Router {
        let routes = Router::new()
            .route("/ok", get(async || "ok"))
            .route("/never", get(std::future::pending::<&str>))
            .route("/panics", get(async || -> &'static str { panic!("at the disco") }));
        edge::google_paths(requests.counted(Function::CommandRelay, routes))
    }

    fn text(requests: &Requests) -> String {
        let mut exposition = Exposition::default();
        requests.expose(&mut exposition);
        exposition.finish()
    }

    #[tokio::test]
    async fn answers_are_counted_by_function_and_code_and_strangers_are_not() {
        let requests = Arc::new(Requests::default());
        let app = app(&requests);
        let codes = [get_of(&app, "/ok").await, get_of(&app, "/ok").await, get_of(&app, "/panics").await, get_of(&app, "/x").await];
        assert_eq!(codes, [200, 200, 500, 404]);
        let text = text(&requests);
        assert!(text.contains("drawbridge_requests_total{function=\"command-relay\",code=\"200\"} 2\n"), "{text}");
        assert!(text.contains("drawbridge_requests_total{function=\"command-relay\",code=\"500\"} 1\n"), "{text}");
        assert!(!text.contains("404"), "{text}");
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_is_counted_as_gone() {
        let requests = Arc::new(Requests::default());
        let app = app(&requests);
        let gone = tokio::time::timeout(Duration::from_millis(20), get_of(&app, "/never")).await;
        assert!(gone.is_err());
        assert!(text(&requests).contains("{function=\"command-relay\",code=\"499\"} 1\n"));
    }
}
