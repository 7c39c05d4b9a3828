//! Modules whose bytes arrive one after the other.

use super::modules::{Compiled, Outcome, guarded, options, register};
use crate::code::Stream;
use napi::bindgen_prelude::*;
use napi_derive::napi;

/// A module that arrives.
#[napi]
pub struct ModuleStream(Option<Stream>);

#[napi]
impl ModuleStream {
    /// Fails where no thread can be had.
    #[napi(constructor)]
    pub fn new() -> Result<Self> {
        let stream = Stream::new().map_err(|e| Error::from_reason(e.to_string()))?;
        Ok(Self(Some(stream)))
    }

    #[napi]
    pub fn push(&self, chunk: &[u8]) {
        if let Some(stream) = &self.0 {
            stream.push(chunk);
        }
    }

    /// There is no more. To be called once.
    #[napi(ts_return_type = "Promise<number | string>")]
    pub fn finish(&mut self) -> AsyncTask<End> {
        AsyncTask::new(End(self.0.take()))
    }
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
