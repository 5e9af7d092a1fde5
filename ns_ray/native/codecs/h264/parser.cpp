#include "parser.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "sei.hpp"
#include "slice_data.hpp"
#include "weights.hpp"

namespace ns_ray::h264 {

struct FrameParser::Current {
  SliceHeader header;  // of the first slice
  ParsedFrame frame;
  std::shared_ptr<Motion> motion;
  int poc;
  int next_macroblock = 0;
  bool has_p = false, has_b = false;
};

void FrameParser::configure(std::span<const std::uint8_t> record) {
  const Configuration configuration = read_configuration(record);
  for (const Nal& nal : configuration.parameter_sets) {
    if (nal.type == kSps || nal.type == kPps) take(nal);
  }
  length_size_ = configuration.length_size;
  bytes_ = 0;
}

std::vector<ParsedFrame> FrameParser::parse(std::span<const std::uint8_t> packet) {
  done_.clear();
  bytes_ = 0;
  try {
    for (const Nal& nal : length_size_ == 0 ? split_annex_b(packet) : split_avcc(packet, length_size_)) {
      take(nal);
      bytes_ += nal.coded_bytes;
    }
    finish_frame();
  } catch (...) {
    put_away(false);
    throw;
  }
  if (!done_.empty()) done_.back().size += bytes_;
  return std::move(done_);
}

void FrameParser::take(const Nal& nal) {
  switch (nal.type) {
    case kSlice:
    case kIdrSlice: return take_slice(nal);
    case kSps:
    case kPps:
    case kSei:
    case kDelimiter: break;
    default:
      if (nal.type >= kPartitionA && nal.type <= kPartitionC) throw Unsupported("data partitioning is not supported");
      return;
  }
  finish_frame();
  if (nal.type == kDelimiter) return;
  rbsp_.assign(nal.payload);
  if (nal.type == kSps) return take_sps(rbsp_.reader());
  if (nal.type == kSei) {
    recovery_point_ = recovery_point_ || find_recovery_point(rbsp_.reader()) == 0;
    return;
  }
  auto pps = std::make_shared<const Pps>(read_pps(rbsp_.reader()));
  sets_.pps[static_cast<std::size_t>(pps->id)] = std::move(pps);
}

void FrameParser::take_sps(BitReader bits) {
  auto sps = std::make_shared<const Sps>(read_sps(bits, max_pixels_));
  auto& kept = sets_.sps[static_cast<std::size_t>(sps->id)];
  if (!kept || *kept != *sps) kept = std::move(sps);  // the same one again changes nothing
}

void FrameParser::take_slice(const Nal& nal) {
  rbsp_.assign(nal.payload);
  BitReader bits = rbsp_.reader();
  const SliceHeader slice = read_slice_header(bits, nal, sets_);
  if (slice.redundant != 0) return;
  if (!current_ || begins_picture(slice, current_->header)) {
    finish_frame();
    begin_frame(slice);
  }
  add_slice(slice, bits);
}

void FrameParser::begin_frame(const SliceHeader& slice) {
  if (slice.sps != active_) {
    if (!slice.idr && active_) throw MissingReference("the sequence parameter set changes without an IDR picture");
    active_ = slice.sps;
  }
  auto current = std::make_shared<Current>();
  if (!slice.idr) fill_gap(slice);
  memory_.begin(slice);
  current->poc = order_.begin(slice);
  current->header = slice;
  const Sps& sps = *slice.sps;
  current->motion = std::make_shared<Motion>(sps.columns, sps.rows);
  states_.resize(static_cast<std::size_t>(sps.columns));
  ParsedFrame& frame = current->frame;
  frame.number = next_number_++;
  frame.idr = slice.idr;
  frame.reference = slice.reference;
  frame.sps = slice.sps;
  frame.motion = current->motion;
  current_ = std::move(current);
}

// Section 8.2.5.2. A stream that allows no gaps has lost frames where one is: they are missing just the same.
void FrameParser::fill_gap(const SliceHeader& slice) {
  const int max_frame_num = slice.sps->max_frame_num();
  const int previous = previous_reference_frame_num_;
  if (previous < 0 || slice.frame_num == previous) return;
  const int missing = (slice.frame_num - previous - 1 + max_frame_num) % max_frame_num;
  // Only the last of them stay.
  for (int left = std::min(missing, std::max(slice.sps->max_references, 1)); left > 0; --left) {
    const int frame_num = (slice.frame_num - left + max_frame_num) % max_frame_num;
    memory_.add_gap(frame_num, *slice.sps);
    order_.pass_gap(frame_num, max_frame_num);
    previous_reference_frame_num_ = frame_num;
  }
}

void FrameParser::add_slice(const SliceHeader& slice, BitReader bits) {
  Current& current = *current_;
  if (slice.sps != active_) throw BitstreamError("slices of a picture have different sequence parameter sets");
  if (slice.first_macroblock != current.next_macroblock) {
    throw BitstreamError("a slice is missing, or slices come in an arbitrary order (ASO), which is not supported");
  }
  auto& slices = current.frame.slices;
  if (slices.size() == kMaxSlices) throw Unsupported("a picture has more than 2048 slices");
  current.has_p |= slice.type == kP;
  current.has_b |= slice.type == kB;

  const ReferenceLists lists = make_lists(slice, memory_, current.poc);
  Slice& out = slices.emplace_back();
  out.first_macroblock = static_cast<std::uint32_t>(slice.first_macroblock);
  out.type = slice.type;
  out.deblocking = slice.deblocking;
  out.qp = static_cast<std::uint8_t>(slice.qp);
  auto& references = current.motion->references;
  for (std::size_t list = 0; list < 2; ++list) {
    out.active[list] = static_cast<std::uint8_t>(lists.counts[list]);
    std::ranges::fill(out.pictures[list], std::int8_t{-1});
    for (std::size_t i = 0; i < static_cast<std::size_t>(lists.counts[list]); ++i) {
      const Picture* const picture = lists.entries[list][i];
      if (!picture || !picture->motion) continue;
      const auto known = std::ranges::find(references, picture->number);
      out.pictures[list][i] = static_cast<std::int8_t>(known - references.begin());
      if (known != references.end()) continue;
      references.push_back(picture->number);
      current.motion->slots.push_back(static_cast<std::int8_t>(picture->slot));
    }
  }
  if (slice.explicit_weights()) {
    out.weighting = kExplicitWeights;
    out.luma_log2 = static_cast<std::uint8_t>(slice.weights.luma_log2);
    out.chroma_log2 = static_cast<std::uint8_t>(slice.weights.chroma_log2);
    std::memcpy(out.explicit_weights, slice.weights.entries, sizeof out.explicit_weights);
  } else if (slice.implicit_weights()) {
    out.weighting = kImplicitWeights;
    set_implicit_weights(lists, current.poc, out.implicit_weights);
  }
  const auto number = static_cast<std::uint16_t>(slices.size() - 1);
  const SliceContext context{slice, lists, out.pictures, current.poc, number, *current.motion, states_};
  current.next_macroblock = read_slice_data(context, bits);
}

void FrameParser::finish_frame() {
  if (!current_) return;
  Current& current = *current_;
  if (current.next_macroblock != static_cast<int>(current.motion->count())) {
    throw BitstreamError("the last slices of a picture are missing");
  }
  ParsedFrame& frame = current.frame;
  const bool key = frame.idr || (recovery_point_ && !current.has_p && !current.has_b);
  frame.type = key ? kKeyFrame : !current.has_b ? kPFrame : frame.reference ? kReferenceBFrame : kBFrame;
  put_away(true);
}

// The frame becomes a reference where it is one; where it is not whole, one that nothing can be predicted from.
void FrameParser::put_away(bool whole) {
  if (!current_) return;
  const auto current = std::move(current_);
  current_ = nullptr;
  recovery_point_ = false;
  const SliceHeader& header = current->header;
  ParsedFrame& frame = current->frame;
  if (header.idr || header.clears_memory() || poc_period_ < 0) ++poc_period_;
  auto picture = std::make_shared<Picture>();
  picture->number = frame.number;
  if (whole) picture->motion = current->motion;
  frame.poc = picture->poc = order_.finish(header);
  frame.poc_period = poc_period_;
  picture->frame_num = header.frame_num;
  if (header.reference) previous_reference_frame_num_ = header.clears_memory() ? 0 : header.frame_num;
  memory_.finish(header, picture);
  frame.slot = picture->slot;
  if (!whole) return;
  frame.size = bytes_;
  bytes_ = 0;
  done_.push_back(std::move(frame));
}

}  // namespace ns_ray::h264
