// SPDX-License-Identifier: BSD-3-Clause
// The MACs of a Verilated card: whole frames in, whole frames out, a beat per clock. A wire is never held back, but a
// simulated port can wait: a frame starts only if the receive buffer has room for it.
#ifndef SLUICE_SIM_NIC_RTL_WIRES_H
#define SLUICE_SIM_NIC_RTL_WIRES_H

#include <cstdint>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#define _Static_assert static_assert
extern "C" {
#include "sim/engine.h"
}

template <class Top, unsigned PORTS> class Wires {
public:
	explicit Wires(Top &t) : top(t) {}

	// Inputs for the coming clock. Frames start only with `inject`; what leaves is taken without bound unless it is set.
	void drive(bool inject)
	{
		uint32_t valid = 0, last = 0, user = 0;

		top.m_axis_tready = !inject || out.size() < OUT_MAX ? (1u << PORTS) - 1 : 0;
		for (unsigned p = 0; p < PORTS; p++) {
			if (in[p].empty() || (at[p] == 0 && (!inject || !room(p))))
				continue;
			const Frame &f = in[p].front();
			const size_t left = f.bytes.size() - at[p], n = left < BEAT ? left : BEAT;
			const uint64_t keep = n == BEAT ? ~0ull : (1ull << n) - 1;
			uint8_t *data = (uint8_t *)&top.s_axis_tdata[0] + BEAT * p;

			memcpy(data, f.bytes.data() + at[p], n);
			memset(data + n, 0, BEAT - n);
			top.s_axis_tkeep[2 * p] = (uint32_t)keep;
			top.s_axis_tkeep[2 * p + 1] = (uint32_t)(keep >> 32);
			valid |= 1u << p;
			if (n == left) {
				last |= 1u << p;
				user |= f.bad_fcs ? 1u << p : 0;
			}
		}
		top.s_axis_tvalid = valid;
		top.s_axis_tlast = last;
		top.s_axis_tuser = user;
	}

	// What this clock transfers, seen just before its edge.
	void take()
	{
		for (unsigned p = 0; p < PORTS; p++) {
			if (top.s_axis_tvalid >> p & 1) {
				at[p] += BEAT;
				if (at[p] >= in[p].front().bytes.size()) {
					in_bytes -= in[p].front().bytes.size();
					in[p].pop_front();
					at[p] = 0;
				}
			}
			if (top.m_axis_tvalid >> p & top.m_axis_tready >> p & 1)
				take_out(p);
		}
	}

	bool put(unsigned port, const uint8_t *frame, uint32_t len, bool bad_fcs)
	{
		if (port >= PORTS || len == 0 || in[port].size() >= IN_MAX || in_bytes + len > IN_BYTES_MAX)
			return false;
		in_bytes += len;
		in[port].push_back({std::vector<uint8_t>(frame, frame + len), port, bad_fcs});
		return true;
	}

	uint32_t get(unsigned *port, uint8_t *buf)
	{
		uint32_t len;

		if (out.empty())
			return 0;
		len = (uint32_t)out.front().bytes.size();
		memcpy(buf, out.front().bytes.data(), len);
		*port = out.front().port;
		out.pop_front();
		return len;
	}

	bool waiting() const
	{
		for (unsigned p = 0; p < PORTS; p++)
			if (!in[p].empty())
				return true;
		return false;
	}
	bool full() const { return out.size() >= OUT_MAX; }

	// Power-on.
	void clear()
	{
		for (unsigned p = 0; p < PORTS; p++) {
			in[p].clear();
			at[p] = 0;
			partial[p] = Frame();
		}
		in_bytes = 0;
	}
	// A card reset: frames that have begun go on to their ends, those behind them are forgotten.
	void forget()
	{
		for (unsigned p = 0; p < PORTS; p++)
			while (in[p].size() > (at[p] != 0)) {
				in_bytes -= in[p].back().bytes.size();
				in[p].pop_back();
			}
	}

private:
	static constexpr size_t BEAT = SL_BEAT_BYTES;
	static constexpr size_t IN_MAX = 8192, IN_BYTES_MAX = 4 << 20, OUT_MAX = 4096;
	static constexpr uint16_t ROOM_MARGIN = 4; // beats between the RTL's hint and the truth
	struct Frame {
		std::vector<uint8_t> bytes;
		unsigned port = 0;
		bool bad_fcs = false;
	};

	Top &top;
	std::deque<Frame> in[PORTS], out;
	size_t in_bytes = 0, at[PORTS] = {};
	Frame partial[PORTS];

	bool room(unsigned p) const
	{
		const size_t most = (SL_FRAME_MAX + BEAT - 1) / BEAT;
		size_t beats = (in[p].front().bytes.size() + BEAT - 1) / BEAT;

		beats = beats > most ? most : beats;
		return (uint16_t)(top.rx_free_o >> (16 * p)) >= beats + ROOM_MARGIN;
	}

	void take_out(unsigned p)
	{
		const uint64_t keep = (uint64_t)top.m_axis_tkeep[2 * p + 1] << 32 | top.m_axis_tkeep[2 * p];
		const size_t n = keep == ~0ull ? BEAT : (size_t)__builtin_ctzll(~keep);
		const uint8_t *data = (const uint8_t *)&top.m_axis_tdata[0] + BEAT * p;
		Frame &f = partial[p];

		f.bytes.insert(f.bytes.end(), data, data + n);
		if (top.m_axis_tlast >> p & 1) {
			f.port = p;
			if (!(top.m_axis_tuser >> p & 1))
				out.push_back(std::move(f));
			f = Frame();
		}
	}
};

#endif
