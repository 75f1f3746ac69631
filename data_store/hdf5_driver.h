// HDF5's access to a RedoFile: a virtual file driver.
#pragma once

#include "data_store/hdf5_handle.h"
#include "data_store/redo_file.h"

namespace athanor {

/// A file-access property list with which `H5Fopen` works on `file`, whatever name it is given. `file` outlives what is
/// opened so.
Hdf5Handle access_through(RedoFile& file);

/// The formats that we write, set in `access`: those of HDF5 1.8, which every reader of today knows, and whose
/// superblock has no mark of being open for writing that a crash would leave behind.
void choose_formats(hid_t access);

}  // namespace athanor
