//! The messages of Cloud IoT Core v1, generated from `proto/` by `build.rs`: prost structs with proto3 JSON.
//!
//! JSON in: camelCase and snake_case, enum names and numbers, 64-bit integers as strings or numbers, either base64
//! alphabet, unknown fields ignored. JSON out: camelCase, names, strings, standard base64, defaults left out.

#![allow(missing_docs, unreachable_pub, clippy::all, clippy::too_many_lines, reason = "generated; documented in proto/")]

pub use google::cloud::iot::v1::*;
pub use pbjson_types::{Any, Empty, FieldMask};

pub mod google {
    pub mod cloud {
        pub mod iot {
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/google.cloud.iot.v1.rs"));
                include!(concat!(env!("OUT_DIR"), "/google.cloud.iot.v1.serde.rs"));
            }
        }
    }
    pub mod iam {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/google.iam.v1.rs"));
            include!(concat!(env!("OUT_DIR"), "/google.iam.v1.serde.rs"));
        }
    }
    pub mod rpc {
        include!(concat!(env!("OUT_DIR"), "/google.rpc.rs"));
        include!(concat!(env!("OUT_DIR"), "/google.rpc.serde.rs"));
    }
    pub mod r#type {
        include!(concat!(env!("OUT_DIR"), "/google.r#type.rs"));
        include!(concat!(env!("OUT_DIR"), "/google.r#type.serde.rs"));
    }
}
