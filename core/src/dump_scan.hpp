// The scan that finds the frames of a dump (private to the core).
#pragma once

#include "line_reader.hpp"
#include "ufp/dump_reader.hpp"

namespace ufp
{

// Headers may come in any number and order before ITEM: ATOMS, frames may be cut anywhere, and an appended run starts
// again behind the cut, even in the middle of a line: the next header always resynchronises. Sections with other names
// are passed over.
class DumpScan
{
 public:
  explicit DumpScan(DumpIndex &index) : index_(index) {}
  // Goes on where an earlier scan stopped.
  void run(ByteSource &source);

 private:
  enum class Section { none, units, time, step, count, box, atoms, other };

  void header(std::string_view name, std::uint64_t offset, std::uint64_t next);
  void data(std::string_view line, std::uint64_t offset, std::uint64_t next);
  void rows(std::uint64_t number, std::uint64_t next);
  void begin(std::uint64_t offset);
  void stray(std::uint64_t offset);
  void once(bool &seen);
  bool complete() const;
  void finish();

  DumpIndex &index_;
  DumpFrame frame_;
  Section section_ = Section::none;
  std::int64_t rows_ = 0;  // data lines of the section
  bool open_ = false, bad_ = false;
  bool seen_units_ = false, seen_time_ = false, seen_step_ = false;
  bool seen_count_ = false, seen_box_ = false, seen_atoms_ = false;
  bool known_step_ = false, known_count_ = false, known_box_ = false;
};

}  // namespace ufp
