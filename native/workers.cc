#include "workers.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "pjrt.h"
#include "wait.h"

namespace node_pjrt {
namespace {

// As many as Node has, at least: what runs on the CPU plugin splits itself over the cores.
unsigned most_threads() { return std::max(4u, std::thread::hardware_concurrency()); }

// Compilers go down into nested programs.
constexpr size_t kStackBytes = size_t{16} << 20;

// False where the system has no thread to give.
bool start(std::function<void()> work) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // The process's signals are for Node's threads.
  sigset_t all, before;
  sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) sigdelset(&all, fault);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  auto owned = std::make_unique<std::function<void()>>(std::move(work));
  pthread_t thread;
  const int failure = pthread_create(
      &thread, &attributes,
      [](void* work) -> void* {
        pthread_setname_np(pthread_self(), "node-pjrt");
        (*std::unique_ptr<std::function<void()>>(static_cast<std::function<void()>*>(work)))();
        return nullptr;
      },
      owned.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (!failure) owned.release();
  return !failure;
}

Error no_thread() { return Error(PJRT_Error_Code_RESOURCE_EXHAUSTED, "the system has no thread to give"); }

// Never destroyed: its threads wait for work until the process ends.
class Workers {
 public:
  void run(std::function<void()> work) {
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(std::move(work));
    if (idle_ >= queue_.size()) {
      changed_.notify_one();
    } else if (threads_ < most_threads() && start([this] { loop(); })) {
      threads_++;
    } else if (threads_ == 0) {
      queue_.pop_back();
      throw no_thread();
    }
  }

 private:
  void loop() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      idle_++;
      wait_until(changed_, lock, [this] { return !queue_.empty(); });
      idle_--;
      std::function<void()> work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
      work = nullptr;
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  size_t idle_ = 0;
  unsigned threads_ = 0;
};

}  // namespace

void run_on_worker(std::function<void()> work) {
  static auto& workers = *new Workers;
  workers.run(std::move(work));
}

void run_on_own_thread(std::function<void()> work) {
  if (!start(std::move(work))) throw no_thread();
}

}  // namespace node_pjrt
