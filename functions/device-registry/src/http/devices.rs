//! Methods 11 to 15: devices.

use axum::extract::State;
use axum::{Extension, Json};
use domain::DomainError;
use domain::device::GatewayType;
use edge::{ApiError, Group, JsonBody, Listing, PathParams, Query};
use protocol::limits::MAX_LISTED_IDS;
use protocol::{DeviceId, DeviceRef};
use serde_json::{Value, json};

use crate::convert::device::{Beside, to_pb};
use crate::convert::{bad_name, enums};
use crate::devices::associated::Association;
use crate::devices::list::Filter;
use crate::devices::{create, delete, get, list, parent, update};
use crate::mask::Mask;
use crate::{Deps, pb};

pub(super) async fn create(
    State(deps): State<Deps>,
    path: PathParams,
    JsonBody(sent): JsonBody<pb::Device>,
) -> Result<Json<pb::Device>, ApiError> {
    let (device, config) = create::create(&deps, &path.registry()?, &sent).await?;
    let beside = Beside { config: config.latest().cloned(), ..Beside::default() };
    Ok(Json(to_pb(&device, &beside)))
}

pub(super) async fn get(State(deps): State<Deps>, path: PathParams, query: Query) -> Result<Json<pb::Device>, ApiError> {
    let mask = Mask::of_read("field_mask", query.text("fieldMask"), &get::FIELDS)?;
    Ok(Json(get::get(&deps, &path.device()?, &mask).await?))
}

pub(super) async fn list(
    State(deps): State<Deps>,
    path: PathParams,
    group: Option<Extension<Group>>,
    query: Query,
) -> Result<Json<pb::ListDevicesResponse>, ApiError> {
    let registry = path.registry()?;
    let mask = Mask::of_read("field_mask", query.text("fieldMask"), &get::FIELDS)?;
    let filter = filter(&query)?;
    let filter = match group {
        Some(Extension(group)) => of_group(filter, &group)?,
        None => filter,
    };
    let listing = Listing::new(parent(&registry), &filter.to_string());
    let listed = list::list(&deps, &registry, &filter, &listing.page(&query)?, &mask).await?;
    Ok(Json(pb::ListDevicesResponse { devices: listed.devices, next_page_token: listing.token(listed.next.as_deref()) }))
}

fn filter(query: &Query) -> Result<Filter, ApiError> {
    let ids: Vec<&str> = query.all("deviceIds").filter(|id| !id.is_empty()).collect();
    let numbers: Vec<&str> = query.all("deviceNumIds").filter(|id| !id.is_empty()).collect();
    for (field, given) in [("device_ids", ids.len()), ("device_num_ids", numbers.len())] {
        if given > MAX_LISTED_IDS {
            return Err(ApiError::invalid(field, format!("{given} {field} exceed the limit of {MAX_LISTED_IDS}")));
        }
    }
    let number = |text: &&str| {
        let refused = |_| ApiError::invalid("device_num_ids", format!("Invalid value at 'device_num_ids' (TYPE_UINT64), \"{text}\""));
        text.parse().map_err(refused)
    };
    Ok(Filter {
        ids: ids.iter().map(|id| id.parse::<DeviceId>().map_err(bad_name("device_ids"))).collect::<Result<_, DomainError>>()?,
        num_ids: numbers.iter().map(number).collect::<Result<_, ApiError>>()?,
        gateway_type: gateway_type(query.text("gatewayListOptions.gatewayType"))?,
        association: association(query)?,
    })
}

/// The same filter, of the devices of `group` alone.
fn of_group(filter: Filter, group: &Group) -> Result<Filter, ApiError> {
    if filter.association.is_some() {
        let text = "gateway_list_options cannot name a gateway or a device below a group, which lists the devices of its own gateway";
        return Err(ApiError::invalid("gateway_list_options", text));
    }
    Ok(Filter { association: Some(Association::OfGateway(group.gateway())), ..filter })
}

/// The options are a `oneof`: one at most.
fn association(query: &Query) -> Result<Option<Association>, ApiError> {
    const OPTIONS: [&str; 3] = ["gatewayType", "associationsGatewayId", "associationsDeviceId"];
    let [kind, gateway, device] = OPTIONS.map(|option| query.text(&format!("gatewayListOptions.{option}")));
    if [kind, gateway, device].iter().flatten().count() > 1 {
        let text = format!("gateway_list_options takes one of {}, several are given", OPTIONS.join(", "));
        return Err(ApiError::invalid("gateway_list_options", text));
    }
    let read = |field: &str, id: &str| id.parse::<DeviceRef>().map_err(bad_name(&format!("gateway_list_options.{field}")));
    Ok(match (gateway, device) {
        (Some(id), _) => Some(Association::OfGateway(read("associations_gateway_id", id)?)),
        (_, Some(id)) => Some(Association::OfDevice(read("associations_device_id", id)?)),
        _ => None,
    })
}

/// By name or by number: clients send both.
fn gateway_type(text: Option<&str>) -> Result<GatewayType, ApiError> {
    let Some(text) = text else { return Ok(GatewayType::Unspecified) };
    let number = text.parse().ok().or_else(|| pb::GatewayType::from_str_name(text).map(Into::into));
    let refused = || {
        let field = "gateway_list_options.gateway_type";
        ApiError::invalid(field, format!("Invalid value at '{field}': \"{text}\" is none of GATEWAY and NON_GATEWAY"))
    };
    Ok(enums::gateway_type(number.ok_or_else(refused)?)?)
}

pub(super) async fn update(
    State(deps): State<Deps>,
    path: PathParams,
    query: Query,
    JsonBody(sent): JsonBody<pb::Device>,
) -> Result<Json<pb::Device>, ApiError> {
    let mask = Mask::of_update(query.text("updateMask"), &update::MUTABLE)?;
    let name = path.device()?;
    let device = update::update(&deps, &name, &sent, &mask).await?;
    Ok(Json(get::view(&deps, &device, &Mask::everything()).await?))
}

pub(super) async fn delete(State(deps): State<Deps>, path: PathParams) -> Result<Json<Value>, ApiError> {
    delete::delete(&deps, &path.device()?).await?;
    Ok(Json(json!({})))
}
