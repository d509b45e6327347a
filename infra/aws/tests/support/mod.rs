//! AWS as moto plays it.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use infra_aws::{Aws, Table};

/// Who asks AWS as `cargo xtask test` set it up. Its keys are moto's, which asks for none in particular.
pub(crate) async fn environment() -> SdkConfig {
    assert!(std::env::var_os("AWS_ENDPOINT_URL").is_some(), "AWS_ENDPOINT_URL is not set: run the tests by `cargo xtask test`");
    Aws::default().config().await.clone()
}

/// A table of the shape of terraform/modules/aws/records that nobody else uses.
pub(crate) async fn fresh_table(environment: &SdkConfig) -> Table {
    static TABLES: AtomicU32 = AtomicU32::new(0);
    let name = format!("contract-{}-{}", std::process::id(), TABLES.fetch_add(1, Ordering::Relaxed));
    let mut create = Client::new(environment).create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
    for (attribute, role) in [("kind", KeyType::Hash), ("key", KeyType::Range)] {
        let definition = AttributeDefinition::builder().attribute_name(attribute).attribute_type(ScalarAttributeType::S);
        let element = KeySchemaElement::builder().attribute_name(attribute).key_type(role);
        create = create.attribute_definitions(definition.build().unwrap()).key_schema(element.build().unwrap());
    }
    create.send().await.unwrap();
    Table::new(&name).unwrap()
}

/// How many items are in `table`.
pub(crate) async fn items(environment: &SdkConfig, table: &Table) -> usize {
    let mut pages = Client::new(environment).scan().table_name(table.name()).into_paginator().items().send();
    let mut count = 0;
    while let Some(item) = pages.next().await {
        item.unwrap();
        count += 1;
    }
    count
}
