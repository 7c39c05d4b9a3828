//! Modules whose bytes arrive one after the other.

use super::callback::Functions;
use super::modules::{Compiled, Outcome, guarded, options, register};
use crate::code::Stream;
use napi::bindgen_prelude::*;
use napi_derive::napi;

pub const FUNCTIONS: &Functions = &[
    (c"newStream", new_stream_c_callback),
    (c"pushToStream", push_to_stream_c_callback),
    (c"finishStream", finish_stream_c_callback),
];

/// A module that arrives, until it is there.
type Handle = External<Option<Stream>>;

/// Fails where no thread can be had.
#[napi(no_export)]
pub fn new_stream() -> Result<Handle> {
    let stream = Stream::new().map_err(|e| Error::from_reason(e.to_string()))?;
    Ok(External::new(Some(stream)))
}

#[napi(no_export)]
pub fn push_to_stream(stream: &Handle, chunk: &[u8]) {
    if let Some(stream) = &**stream {
        stream.push(chunk);
    }
}

/// There is no more. To be called once.
#[napi(no_export, ts_return_type = "Promise<number | string>")]
pub fn finish_stream(stream: &mut Handle) -> AsyncTask<End> {
    AsyncTask::new(End(stream.take()))
}

pub struct End(Option<Stream>);

impl Task for End {
    type Output = Outcome;
    type JsValue = Compiled;

    fn compute(&mut self) -> Result<Outcome> {
        let stream = self.0.take();
        let stream = stream.ok_or_else(|| Error::from_reason("the stream has ended"))?;
        Ok(guarded(|| stream.finish(options())))
    }

    fn resolve(&mut self, _: Env, outcome: Outcome) -> Result<Self::JsValue> {
        Ok(register(outcome))
    }
}
