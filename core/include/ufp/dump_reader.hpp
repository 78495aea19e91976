// LAMMPS text dumps: one scan finds every complete frame, then any frame is read into columns.
#pragma once

#include "ufp/byte_source.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ufp
{

// Where one complete frame lies and what its header says.
struct DumpFrame {
  std::uint64_t offset = 0;  // of its first header line
  std::uint64_t size = 0;    // bytes up to and with the newline of its last atom
  std::uint64_t box = 0;     // of the three lines of the box, from `offset`
  std::uint64_t atoms = 0;   // of the line of the first atom, from `offset`
  std::int64_t step = 0;
  double time = 0;              // ITEM: TIME, in the file's unit of time; NaN if absent
  std::int64_t count = 0;       // atoms
  std::uint32_t box_style = 0;  // index into DumpIndex::box_styles
  std::uint32_t columns = 0;    // index into DumpIndex::column_lists
};

// A stretch of the file that is not a complete frame.
struct DumpDamage {
  std::uint64_t offset = 0;
  std::int64_t step = -1;  // -1: cut before its step was known
};

// Everything a scan finds.
struct DumpIndex {
  std::vector<DumpFrame> frames;
  std::vector<DumpDamage> damage;
  std::vector<std::string> box_styles;
  std::vector<std::vector<std::string>> column_lists;
  std::vector<std::string> units;  // every distinct ITEM: UNITS
  std::uint64_t scanned = 0;       // where the scan goes on when the file has grown: behind the last complete frame
  bool cut = false;                // the last damage begins there and may yet become a frame
};

// Rows a, b, c of the cell in Å (or the file's unit of length) and its corner, as the file orients them.
struct DumpBox {
  std::array<double, 9> cell{};
  std::array<double, 3> origin{};
  std::array<bool, 3> periodic{};
  bool general = false;  // general triclinic: a need not lie along x
};

class DumpFile
{
 public:
  // Scans the file once. Damaged or incomplete frames are left out and listed in the index.
  explicit DumpFile(std::string path);
  // Takes the index of an earlier scan. Throws DomainError if that cannot be one.
  DumpFile(std::string path, DumpIndex index);

  const std::string &path() const { return path_; }
  const DumpIndex &index() const { return index_; }

  // Scans what has been appended since.
  void refresh();

  DumpBox box(std::size_t frame);
  // The style and the three lines of the box: the same text is the same box.
  std::string box_text(std::size_t frame);

  // Reads the named numeric columns of one frame, one row per atom sorted by id, into `values` (count rows); ids()
  // belong to them until the next read. Without a column "id" the rows keep the order of the file and the ids are
  // 1, 2, 3 ...
  // Throws ParseError (file, line) for a row that is not as the header says, DomainError for a value that is not finite
  // and for an id that appears twice.
  void read(std::size_t frame, const std::vector<std::string> &columns, double *values);
  const std::vector<std::int64_t> &ids() const { return ranked_ids_; }

  // One column of text (element names), sorted by id as in read().
  std::vector<std::string> read_text(std::size_t frame, const std::string &column);

 private:
  const DumpFrame &load(std::size_t frame);
  std::vector<std::size_t> places(const DumpFrame &frame, const std::vector<std::string> &columns) const;
  const char *next_row(const DumpFrame &frame, const char *p);
  bool parse(const DumpFrame &frame, const std::vector<std::string> &columns, bool ranked, double *values);
  void sort(const DumpFrame &frame);
  [[noreturn]] void refuse_word(const DumpFrame &frame, std::size_t column);
  [[noreturn]] void refuse(const DumpFrame &frame, const char *where, const std::string &message);

  std::string path_;
  std::unique_ptr<ByteSource> source_;
  DumpIndex index_;

  // scratch, kept between frames
  std::size_t loaded_ = static_cast<std::size_t>(-1);
  std::vector<char> text_;                // of the loaded frame, then `padding` zeros
  std::vector<const char *> words_;       // of one row
  std::vector<double> rows_;              // values in the order of the file
  std::vector<std::int64_t> file_ids_;    // in the order of the file
  std::vector<std::int64_t> sorted_ids_;  // for which `rank_` was made
  std::vector<std::size_t> rank_;         // row of the file -> row of the result
  std::vector<std::int64_t> ranked_ids_;
};

}  // namespace ufp
