// The scan that finds the frames of a dump (private to the core).
#pragma once

#include "ufp/dump_reader.hpp"

#include <string_view>

namespace ufp
{

std::string_view trimmed(std::string_view text);
std::vector<std::string> words(std::string_view text);

// Lines of a source, one after another, without copying.
class LineReader
{
 public:
  explicit LineReader(ByteSource &source) : source_(source), buffer_(std::size_t{1} << 20) {}

  bool next(std::string_view &line);                         // valid until the next call
  std::uint64_t offset() const { return line_; }             // of the line returned last
  std::uint64_t position() const { return base_ + begin_; }  // of the line after it
  bool terminated() const { return terminated_; }            // a newline closed it

 private:
  void refill();

  ByteSource &source_;
  std::vector<char> buffer_;
  std::uint64_t base_ = 0, line_ = 0;  // file offsets of the buffer and of the last line
  std::size_t begin_ = 0, end_ = 0;    // unread part of the buffer
  bool at_end_ = false, terminated_ = true;
};

// Headers may come in any number before ITEM: TIMESTEP, frames may be cut anywhere, and an appended run starts again
// behind the cut, even in the middle of a line: the next header always resynchronises.
class DumpScan
{
 public:
  explicit DumpScan(DumpFile &file) : file_(file) {}
  void run(ByteSource &source);

 private:
  enum class Section { none, units, time, step, count, box, atoms };

  void header(std::string_view name, std::uint64_t offset, std::uint64_t next);
  void data(std::string_view line, std::uint64_t offset, std::uint64_t next);
  void begin(std::uint64_t offset);
  void stray(std::uint64_t offset);
  bool complete() const;
  void finish();

  DumpFile &file_;
  DumpFrame frame_;
  Section section_ = Section::none;
  std::int64_t rows_ = 0;  // data lines of the section
  bool open_ = false, bad_ = false;
  bool seen_units_ = false, seen_time_ = false, seen_step_ = false;
  bool known_step_ = false, known_count_ = false, known_box_ = false;
};

}  // namespace ufp
