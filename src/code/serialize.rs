//! Modules from images, and images of modules.

use super::compiled_module::{CompileError, CompiledModule, Progress, shared_compiler};
use super::image::{self, Image, ImageError, key};
use super::mapping::Executable;
use super::options::Options;
use crate::module::{Bytes, Features};
use hashbrown::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl CompiledModule {
    /// The module of an image and the bytes that it was made from.
    pub fn from_image(
        image: &[u8],
        bytes: impl Into<Bytes>,
        options: Options,
    ) -> Result<Arc<Self>, CompileError> {
        let bytes = bytes.into();
        let features = Features::current();
        let key = key(shared_compiler()?, features, &bytes);
        let mapping = Executable::of_bytes(image).map_err(|_| ImageError::Memory)?;
        let image = Image::new(mapping, image.len(), &key)?;
        let module = Self::with_images(Self::decode_valid(bytes)?, options, vec![image])?;
        module.set_key(key, features);
        Ok(module)
    }

    /// An image of all code that the module has now, and how many functions are in it. `None` if it
    /// would be too large.
    pub fn to_image(&self) -> Option<(Vec<u8>, usize)> {
        self.to_image_beyond(&mut HashSet::new())
    }

    /// The same without what lies at addresses that are `known`, which afterwards are those of all.
    pub fn to_image_beyond(&self, known: &mut HashSet<usize>) -> Option<(Vec<u8>, usize)> {
        let functions = self.functions();
        let functions = functions.filter(|(_, _, address)| known.insert(*address));
        // SAFETY: code of this module, which lives.
        unsafe { image::write(self.key(), functions) }
    }

    /// All functions that have code: number of the unit, whether it is the last tier's, and address.
    pub fn functions(&self) -> impl Iterator<Item = (usize, bool, usize)> {
        let functions = self.progress.iter().enumerate();
        functions.filter_map(|(number, progress)| {
            let progress = progress.load(Ordering::Acquire);
            let address = self.slot_of(number).load(Ordering::Acquire) as usize;
            // The slot may have been improved since: then what is written is better than is said.
            let improved = progress == Progress::Improved as u8;
            (progress >= Progress::Compiled as u8).then_some((number, improved, address))
        })
    }
}
