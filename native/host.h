// Memory of the host for arrays, which plugins read in place or write to, and for programs on their way to a compiler.
#pragma once

#include <cstddef>
#include <memory>

namespace node_pjrt {

enum class Contents { kZeros, kAny };

// Aligned for a plugin to take it as it is. From 4 MiB on, memory that nobody holds any more is kept for some seconds, and the next one of
// kAny has its pages already: to fetch fresh ones takes eight times as long as a copy of as many bytes. Throws Error RESOURCE_EXHAUSTED.
// `is_fresh` is set where the system has yet to fetch the pages.
std::shared_ptr<void> host_memory(size_t bytes, Contents contents, bool* is_fresh = nullptr);

// Fetches the pages of [at, at + bytes), which nobody writes to meanwhile; on a thread that may wait. Does nothing where the system cannot.
void fetch_pages(void* at, size_t bytes) noexcept;

}  // namespace node_pjrt
