// Lines of a byte source, one after another, without copying (private to the core).
#pragma once

#include "ufp/byte_source.hpp"

#include <string_view>
#include <vector>

namespace ufp
{

std::string_view trimmed(std::string_view text);
std::vector<std::string> words(std::string_view text);

class LineReader
{
 public:
  static constexpr std::size_t longest = std::size_t{1} << 24;

  LineReader(ByteSource &source, std::uint64_t begin)
      : source_(source), buffer_(std::size_t{1} << 18), base_(begin), line_(begin)
  {
  }

  // Valid until the next call. Of a line longer than `longest` pieces are returned that count as not terminated.
  bool next(std::string_view &line);
  // Passes over up to `most` whole lines that hold no colon, as far as that is quickly done; returns their number.
  std::size_t pass(std::size_t most);

  std::uint64_t offset() const { return line_; }             // of the line returned last
  std::uint64_t position() const { return base_ + begin_; }  // of the line after it
  bool terminated() const { return terminated_; }            // a newline closed it
  bool cut() const { return !terminated_ && at_end_; }       // the source ends in it

 private:
  void refill();

  ByteSource &source_;
  std::vector<char> buffer_;
  std::uint64_t base_, line_;        // file offsets of the buffer and of the last line
  std::size_t begin_ = 0, end_ = 0;  // unread part of the buffer
  std::size_t tried_ = 0;            // up to here line by line: the quick way met a colon or too many lines
  bool at_end_ = false, terminated_ = true;
};

}  // namespace ufp
