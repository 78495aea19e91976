// Any bytes as a dump: refused or read, never a crash, and a file that grows is indexed as one that is whole.
#include "ufp/dump_reader.hpp"
#include "ufp/error.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace
{

void require(bool holds)
{
  if (!holds) std::abort();
}

class MemoryFile
{
 public:
  MemoryFile() : descriptor_(memfd_create("dump", MFD_CLOEXEC)) { require(descriptor_ >= 0); }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile &) = delete;
  MemoryFile &operator=(const MemoryFile &) = delete;

  void append(const std::uint8_t *data, std::size_t size)
  {
    require(::write(descriptor_, data, size) == static_cast<ssize_t>(size));
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

void read(ufp::DumpFile &file, std::size_t frame)
{
  const ufp::DumpIndex &index = file.index();
  const ufp::DumpFrame &entry = index.frames[frame];
  const auto count = static_cast<std::size_t>(entry.count);
  const std::vector<std::string> &columns = index.column_lists[entry.columns];
  std::vector<double> values(count * columns.size());
  try {
    file.box_text(frame);
    const ufp::DumpBox box = file.box(frame);
    for (const double x : box.cell) require(!std::isnan(x));
    file.read(frame, columns, values.data());
    for (const double x : values) require(std::isfinite(x));
    for (std::size_t i = 1; i < count; ++i) require(file.ids()[i - 1] < file.ids()[i]);
    if (!columns.empty()) require(file.read_text(frame, columns.front()).size() == count);
  } catch (const ufp::ParseError &) {
  } catch (const ufp::DomainError &) {
  }
}

bool same(const ufp::DumpIndex &a, const ufp::DumpIndex &b)
{
  if (a.frames.size() != b.frames.size() || a.damage.size() != b.damage.size()) return false;
  for (std::size_t i = 0; i < a.frames.size(); ++i) {
    if (a.frames[i].offset != b.frames[i].offset || a.frames[i].size != b.frames[i].size) return false;
  }
  for (std::size_t i = 0; i < a.damage.size(); ++i) {
    if (a.damage[i].offset != b.damage[i].offset || a.damage[i].step != b.damage[i].step) return false;
  }
  return a.scanned == b.scanned && a.cut == b.cut;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
  try {
    MemoryFile whole;
    whole.append(data, size);
    ufp::DumpFile file(whole.path());
    // out of order, so that compressed files are also read backwards
    const std::size_t n = file.index().frames.size();
    for (std::size_t k = 0; k < n && k < 16; ++k) read(file, (7 * k + 3) % n);
    for (std::size_t k = 0; k < n && k < 4; ++k) ufp::DumpFile(whole.path(), file.index()).box_text(k);

    if (size > 4) {
      MemoryFile growing;
      const std::size_t part = 4 + data[size / 2] * (size - 4) / 256;
      growing.append(data, part);
      ufp::DumpFile follower(growing.path());
      growing.append(data + part, size - part);
      follower.refresh();
      require(same(follower.index(), file.index()));
    }
  } catch (const ufp::ParseError &) {
  }
  return 0;
}
