//! Tags and exceptions.

use super::callback::{Functions, store};
use super::cells::Kind;
use super::modules::signature;
use super::realm::cell;
use super::values::value_type;
use crate::module::FuncType;
use crate::runtime::Tag;
use crate::runtime::vm::SCRATCH_FUNCTION;
use napi::bindgen_prelude::*;
use napi::sys;
use napi_derive::napi;
use std::ptr::null_mut;

pub const FUNCTIONS: &Functions = &[
    (c"exceptionObject", exception_object),
    (c"makeException", make_exception),
    (c"describeException", describe_exception),
    (c"tagCell", tag_cell),
    (c"tagNew", tag_new_c_callback),
    (c"jsTag", js_tag_c_callback),
    (c"hasHandlers", has_handlers_c_callback),
    (c"tagType", tag_type_c_callback),
    (c"tagSignature", tag_signature_c_callback),
];

/// A new tag whose exceptions have values of these types; its number.
#[napi(no_export)]
pub fn tag_new(types: Vec<u32>) -> Result<u32> {
    let types = types.into_iter().map(value_type);
    let params = types.collect::<Option<Box<[_]>>>();
    let params = params.ok_or_else(|| Error::from_reason("no such type"))?;
    let results = [].into();
    let tag = Tag::new(FuncType { params, results });
    Ok(store().tags().number(&tag))
}

/// The number of the tag of what JavaScript throws.
#[napi(no_export)]
pub fn js_tag() -> u32 {
    store().tags().number(store().js_tag())
}

/// Is there code that could catch what JavaScript throws? Once there is, there always is.
#[napi(no_export)]
pub fn has_handlers() -> bool {
    crate::code::has_handlers()
}

/// Number of the type of a tag.
#[napi(no_export)]
pub fn tag_type(number: u32) -> Result<u32> {
    let tag = store().tags().get(number);
    let tag = tag.ok_or_else(|| Error::from_reason("no such tag"))?;
    Ok(tag.type_id().number())
}

/// The type of a tag, as in `describe`.
#[napi(no_export)]
pub fn tag_signature(number: u32) -> Result<String> {
    let tag = store().tags().get(number);
    let tag = tag.ok_or_else(|| Error::from_reason("no such tag"))?;
    Ok(signature(tag.ty()))
}

/// (exception, slot): the object in this slot of references stands for an exception.
unsafe extern "C" fn exception_object(
    _: sys::napi_env,
    _: sys::napi_callback_info,
) -> sys::napi_value {
    let store = store();
    store.set_exception_object(store.slot(0) as u32, store.slot(1) as u32);
    null_mut()
}

/// Makes the exception that scratch memory describes; its number in slot 0.
unsafe extern "C" fn make_exception(
    _: sys::napi_env,
    _: sys::napi_callback_info,
) -> sys::napi_value {
    let store = store();
    store.set_slot(0, store.make_exception().into());
    null_mut()
}

/// Describes the exception whose number is in slot 0 in scratch memory.
unsafe extern "C" fn describe_exception(
    _: sys::napi_env,
    _: sys::napi_callback_info,
) -> sys::napi_value {
    let store = store();
    store.describe_exception(store.slot(0) as u32);
    null_mut()
}

/// The cell of the tag whose number scratch memory has, undefined if there is none.
unsafe extern "C" fn tag_cell(env: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    let tag = store().word(SCRATCH_FUNCTION) as u32;
    cell(env, Kind::Tag, Some(tag))
}
