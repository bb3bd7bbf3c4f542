#pragma once
// Writing the frames of a commit in one piece. Private to ca/store.

namespace mayfly::store {

/// frames_at_once is the name of a way to open files (an SQLite VFS) like the default one, in which what is appended to
/// a write-ahead log stays in memory until somebody syncs that file, or reads what is held back, and then is one
/// write. SQLite writes two pieces for each page. What a commit promises stays the same: its sync comes after.
const char* frames_at_once();

}  // namespace mayfly::store
