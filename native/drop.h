// Letting go of what takes time to free: a tensor of 64 MiB is 16,384 pages to give back, 6 ms, and a program of 20,000 operations 20.
#pragma once

#include <memory>

namespace node_pjrt {

// Frees `object` soon, on a thread of its own; whoever else holds it keeps it.
void drop_elsewhere(std::shared_ptr<void> object);

// Waits until all that was dropped is free. On a thread that may wait.
void await_drops();

}  // namespace node_pjrt
