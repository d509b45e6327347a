//! Messages from `proto/`: prost structs and their proto3 JSON, without protoc.

use prost::Message as _;

const PROTOS: [&str; 2] = ["google/cloud/iot/v1/device_manager.proto", "google/rpc/error_details.proto"];
const PACKAGES: [&str; 4] = [".google.cloud.iot.v1", ".google.iam.v1", ".google.rpc", ".google.type"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = protox::compile(PROTOS, ["proto"])?;
    prost_build::Config::new()
        .compile_well_known_types()
        .extern_path(".google.protobuf", "::pbjson_types")
        .extern_path(".google.protobuf.Timestamp", "crate::Timestamp")
        .btree_map(["."])
        .compile_fds(files.clone())?;
    pbjson_build::Builder::new()
        .register_descriptors(&files.encode_to_vec())?
        .extern_path(".google.protobuf.Timestamp", "crate::Timestamp")
        .extern_path(".google.protobuf", "::pbjson_types")
        .btree_map(["."])
        .ignore_unknown_fields()
        .build(&PACKAGES)?;
    Ok(())
}
