// Memory of the host for arrays, which plugins read in place or write to, and for programs on their way to a compiler.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

namespace node_pjrt {

constexpr size_t kPageBytes = 4096;
// From so many bytes on memory is the system's own, is kept for the next one when nobody holds it, and is freed on another thread.
constexpr size_t kLargeBytes = size_t{4} << 20;
// What is kept: so many bytes, for so long.
constexpr size_t kKeptBytes = size_t{2} << 30;
constexpr std::chrono::seconds kKeptFor{5};

// Gives mapped memory back in steps: meanwhile no other thread of the process can map any.
void unmap(void* at, size_t bytes) noexcept;

enum class Contents { kZeros, kAny };

// Aligned for a plugin to take it as it is. From 4 MiB on, memory that nobody holds any more is kept for some seconds, and the next one of
// kAny has its pages already: to fetch fresh ones takes eight times as long as a copy of as many bytes. Throws Error RESOURCE_EXHAUSTED.
// `is_fresh` is set where the system has yet to fetch the pages.
std::shared_ptr<void> host_memory(size_t bytes, Contents contents, bool* is_fresh = nullptr);

// Fetches the pages of [at, at + bytes), which nobody writes to meanwhile; on a thread that may wait. Does nothing where the system cannot.
void fetch_pages(void* at, size_t bytes) noexcept;

}  // namespace node_pjrt
