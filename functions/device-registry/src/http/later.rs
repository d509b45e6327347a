//! Methods of the API that have no handler yet: each answers UNIMPLEMENTED by its name.

use axum::Router;
use axum::http::Method;
use axum::routing::{MethodFilter, on};
use edge::{ApiError, Code};

/// Method, path below a registry in normal form, name. A handler takes a row's place by a route of its own.
const LATER: [(Method, &str, &str); 6] = [
    (Method::POST, "/~getIamPolicy", "GetIamPolicy"),
    (Method::POST, "/~setIamPolicy", "SetIamPolicy"),
    (Method::POST, "/~testIamPermissions", "TestIamPermissions"),
    (Method::POST, "/groups/{group}/~getIamPolicy", "GetIamPolicy of a group"),
    (Method::POST, "/groups/{group}/~setIamPolicy", "SetIamPolicy of a group"),
    (Method::POST, "/groups/{group}/~testIamPermissions", "TestIamPermissions of a group"),
];

/// The rows as routes.
pub(super) fn routes(registry: &str) -> Router {
    LATER.into_iter().fold(Router::new(), |routes, (method, path, name)| {
        let Ok(filter) = MethodFilter::try_from(method) else { return routes };
        let answer = async move || ApiError::new(Code::Unimplemented, format!("{name} is not implemented in this version"));
        routes.route(&format!("{registry}{path}"), on(filter, answer))
    })
}
