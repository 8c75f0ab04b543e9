// What a loaded library calls instead of a function of another library, by its own table of functions. It knows ELF, and no plugin.
#pragma once

#include <cstdint>

namespace node_pjrt {

// Where a library's code and data lie.
struct Extent {
  uintptr_t begin = 0, end = 0;
  bool holds(const void* at) const { return reinterpret_cast<uintptr_t>(at) - begin < end - begin; }
};

// Makes the calls that `library` (a handle of dlopen) makes of the dynamic function `name` go to `to`; those of all others stay. Returns where the
// library lies, or an empty extent where it makes no such calls. Before another thread runs the library's code.
Extent redirect_calls(void* library, const char* name, void* to);

}  // namespace node_pjrt
