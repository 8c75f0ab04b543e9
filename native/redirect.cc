#include "redirect.h"

#include <elf.h>
#include <link.h>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace node_pjrt {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kCallSlot = R_X86_64_JUMP_SLOT, kPointerSlot = R_X86_64_GLOB_DAT;
#elif defined(__aarch64__)
constexpr uint32_t kCallSlot = R_AARCH64_JUMP_SLOT, kPointerSlot = R_AARCH64_GLOB_DAT;
#endif

// The parts of a library's dynamic section that say which slots of its table are which function's.
struct Dynamic {
  uintptr_t base;
  const ElfW(Sym) * symbols = nullptr;
  const char* strings = nullptr;
  struct {
    const ElfW(Rela) * first = nullptr;
    size_t bytes = 0;
  } calls, data;

  explicit Dynamic(const link_map& map) : base(map.l_addr) {
    for (const ElfW(Dyn)* entry = map.l_ld; entry->d_tag != DT_NULL; entry++) {
      // glibc has added the base to addresses; others have not.
      const uintptr_t at = entry->d_un.d_ptr < base ? base + entry->d_un.d_ptr : entry->d_un.d_ptr;
      if (entry->d_tag == DT_SYMTAB) symbols = reinterpret_cast<const ElfW(Sym)*>(at);
      if (entry->d_tag == DT_STRTAB) strings = reinterpret_cast<const char*>(at);
      if (entry->d_tag == DT_JMPREL) calls.first = reinterpret_cast<const ElfW(Rela)*>(at);
      if (entry->d_tag == DT_PLTRELSZ) calls.bytes = entry->d_un.d_val;
      if (entry->d_tag == DT_RELA) data.first = reinterpret_cast<const ElfW(Rela)*>(at);
      if (entry->d_tag == DT_RELASZ) data.bytes = entry->d_un.d_val;
    }
  }
};

// A library as it is mapped.
struct Mapped {
  uintptr_t base;
  Extent all;
  Extent read_only;  // what is made so once it is relocated

  explicit Mapped(uintptr_t base) : base(base) {
    all.begin = UINTPTR_MAX;
    dl_iterate_phdr(
        [](dl_phdr_info* info, size_t, void* argument) {
          auto* mapped = static_cast<Mapped*>(argument);
          if (info->dlpi_addr != mapped->base) return 0;
          for (int i = 0; i < info->dlpi_phnum; i++) mapped->add(info->dlpi_phdr[i]);
          return 1;
        },
        this);
  }

 private:
  void add(const ElfW(Phdr) & header) {
    const uintptr_t begin = base + header.p_vaddr, end = begin + header.p_memsz;
    if (header.p_type == PT_GNU_RELRO) read_only = {begin, end};
    if (header.p_type == PT_LOAD) all = {std::min(all.begin, begin), std::max(all.end, end)};
  }
};

bool set_slot(void** slot, void* to, bool is_read_only) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  void* begin = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(slot) / page * page);
  if (mprotect(begin, page, PROT_READ | PROT_WRITE) != 0) return false;
  __atomic_store_n(slot, to, __ATOMIC_RELEASE);
  if (is_read_only) mprotect(begin, page, PROT_READ);
  return true;
}

}  // namespace

Extent redirect_calls(void* library, const char* name, void* to) {
  link_map* map = nullptr;
  if (dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) return {};
  const Dynamic dynamic(*map);
  const Mapped mapped(dynamic.base);
  if (!dynamic.symbols || !dynamic.strings) return {};
  bool found = false;
  for (const auto& table : {dynamic.calls, dynamic.data}) {
    for (size_t i = 0; i < table.bytes / sizeof(ElfW(Rela)); i++) {
      const ElfW(Rela)& entry = table.first[i];
      const auto kind = static_cast<uint32_t>(ELF64_R_TYPE(entry.r_info));
      if (kind != kCallSlot && kind != kPointerSlot) continue;
      if (std::strcmp(dynamic.strings + dynamic.symbols[ELF64_R_SYM(entry.r_info)].st_name, name) != 0) continue;
      auto* slot = reinterpret_cast<void**>(dynamic.base + entry.r_offset);
      found |= set_slot(slot, to, mapped.read_only.holds(slot));
    }
  }
  return found ? mapped.all : Extent{};
}

}  // namespace node_pjrt
