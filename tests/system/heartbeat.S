/* A guest of 512 bytes: it counts its boots on its disk (LBA 1), tells the count and then a
 * heartbeat each second on COM1, and echoes what it is told. */
.code16
.global _start
_start: cli; xor %ax,%ax; mov %ax,%ds; mov %ax,%es; mov %ax,%ss; mov $0x7c00,%sp; sti
  mov %dl,drive
  mov $0x3f9,%dx; xor %al,%al; out %al,%dx
  mov $0x3fb,%dx; mov $0x03,%al; out %al,%dx
  mov $0x42,%ah; call disk
  incw 0x8000
  mov $0x43,%ah; xor %al,%al; call disk
  mov $msg,%si; call puts
  mov 0x8000,%ax; call dec
  mov $nl,%si; call puts
1: mov 0x46c,%bx; add $18,%bx
2: mov $0x3fd,%dx; in %dx,%al; test $1,%al; jz 3f
  mov $0x3f8,%dx; in %dx,%al; call putc; jmp 2b
3: hlt
  mov 0x46c,%ax; cmp %bx,%ax; js 2b
  incw hbn; mov $hb,%si; call puts; mov hbn,%ax; call dec; mov $nl,%si; call puts; jmp 1b
disk: mov $dap,%si; mov drive,%dl; int $0x13; ret
putc: push %dx; push %ax; mov $0x3fd,%dx
4: in %dx,%al; test $0x20,%al; jz 4b; pop %ax; mov $0x3f8,%dx; out %al,%dx; pop %dx; ret
puts: lodsb; test %al,%al; jz 5f; call putc; jmp puts
5: ret
dec: push %bx; mov $10,%cx; xor %di,%di
6: xor %dx,%dx; div %cx; push %dx; inc %di; test %ax,%ax; jnz 6b
7: pop %ax; add $'0',%al; call putc; dec %di; jnz 7b; pop %bx; ret
.align 4
dap: .byte 16,0; .word 1; .word 0x8000,0; .quad 1
drive: .byte 0
hbn: .word 0
msg: .asciz "NANO-READY boots="
hb: .asciz "HB "
nl: .asciz "\r\n"
.org 510
.word 0xaa55
